; What TypeScript alone has.

(abstract_class_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(abstract_method_signature name: (_) @name) @definition.method
(interface_body (method_signature name: (_) @name) @definition.method)
(ambient_declaration (function_signature name: (_) @name) @definition.function)
(class_body
  (public_field_definition
    name: (_) @name
    value: [(arrow_function) (function_expression)]) @definition.method)

(internal_module name: (_) @name) @namespace
(module name: (identifier) @name) @namespace
(ambient_declaration (_) @wrapped) @wrapper

(extends_clause) @supertype.inherits
(extends_type_clause type: (_) @supertype.inherits)
(implements_clause (_) @supertype.implements)

(import_alias) @import

; Fields, constructor parameters that are fields, locals.
(public_field_definition name: (_) @variable.name type: (type_annotation (_) @variable.type))
(public_field_definition name: (_) @variable.name !type value: (_) @variable.value)
(interface_body (property_signature name: (_) @variable.name type: (type_annotation (_) @variable.type)))
(required_parameter
  [(accessibility_modifier) "readonly"]
  pattern: (identifier) @member.name
  type: (type_annotation (_) @member.type))
(optional_parameter
  [(accessibility_modifier) "readonly"]
  pattern: (identifier) @member.name
  type: (type_annotation (_) @member.type))
(variable_declarator name: (identifier) @variable.name type: (type_annotation (_) @variable.type))
