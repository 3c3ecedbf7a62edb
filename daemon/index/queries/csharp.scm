; C#: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.constructor
(operator_declaration operator: _ @name) @definition.method
(conversion_operator_declaration type: (_) @name) @definition.method
(delegate_declaration name: (identifier) @name) @definition.class

; A file of statements: its functions are local to a method that nobody wrote.
(global_statement (local_function_statement name: (identifier) @name) @definition.function)

(namespace_declaration name: (_) @name) @namespace
(file_scoped_namespace_declaration name: (_) @package)

(lambda_expression) @opaque
(anonymous_method_expression) @opaque
(anonymous_object_creation_expression) @opaque

(attribute_list) @annotation

; One list names the class and the interfaces: which of them the first one is, its name says.
(interface_declaration (base_list (_) @supertype.inherits))
(struct_declaration (base_list (_) @supertype.implements))
(base_list
  . [
    (identifier) (qualified_name) (generic_name) (alias_qualified_name) (primary_constructor_base_type)
  ] @supertype.first)
(class_declaration (base_list (_) @supertype.implements))
(record_declaration (base_list (_) @supertype.implements))

(invocation_expression function: (_) @call)
(object_creation_expression type: (_) @call)
(primary_constructor_base_type type: (_) @call)
(constructor_initializer "base" @call)

(using_directive) @import

; Fields, properties, components of records; inside methods: locals.
(field_declaration
  (variable_declaration type: (_) @variable.type (variable_declarator name: (identifier) @variable.name)))
(property_declaration type: (_) @variable.type name: (identifier) @variable.name)
(record_declaration
  (parameter_list (parameter type: (_) @variable.type name: (identifier) @variable.name)))
(class_declaration
  (parameter_list (parameter type: (_) @variable.type name: (identifier) @variable.name)))
(local_declaration_statement
  (variable_declaration
    type: (_) @variable.type
    (variable_declarator name: (identifier) @variable.name . (_)? @variable.value)))
(using_statement
  (variable_declaration
    type: (_) @variable.type
    (variable_declarator name: (identifier) @variable.name . (_)? @variable.value)))
(foreach_statement type: (_) @variable.type left: (identifier) @variable.name)
(declaration_pattern type: (_) @variable.type name: (identifier) @variable.name)
(catch_declaration type: (_) @variable.type name: (identifier) @variable.name)
