; Java: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(annotation_type_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.constructor
(compact_constructor_declaration name: (identifier) @name) @definition.constructor

(object_creation_expression (class_body) @opaque)
(enum_constant body: (class_body) @opaque)
(lambda_expression) @opaque

(annotation) @annotation
(marker_annotation) @annotation

(superclass (_) @supertype.inherits)
(extends_interfaces (type_list (_) @supertype.inherits))
(super_interfaces (type_list (_) @supertype.implements))

(method_invocation) @call
(method_reference) @call
(object_creation_expression type: (_) @call)
(explicit_constructor_invocation constructor: (_) @call)

(package_declaration [(scoped_identifier) (identifier)] @package)
(import_declaration) @import

; Fields, components of records; inside methods: locals.
(field_declaration type: (_) @variable.type declarator: (variable_declarator name: (identifier) @variable.name))
(constant_declaration type: (_) @variable.type declarator: (variable_declarator name: (identifier) @variable.name))
(record_declaration
  parameters: (formal_parameters
    (formal_parameter type: (_) @variable.type name: (identifier) @variable.name)))
(local_variable_declaration
  type: (_) @variable.type
  declarator: (variable_declarator name: (identifier) @variable.name value: (_)? @variable.value))
(enhanced_for_statement type: (_) @variable.type name: (identifier) @variable.name)
(resource type: (_) @variable.type name: (identifier) @variable.name value: (_) @variable.value)
