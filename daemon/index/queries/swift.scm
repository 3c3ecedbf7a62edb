; Swift: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_declaration declaration_kind: "class" name: (_) @name) @definition.class
(class_declaration declaration_kind: "struct" name: (_) @name) @definition.class
(class_declaration declaration_kind: "actor" name: (_) @name) @definition.class
(class_declaration declaration_kind: "enum" name: (_) @name) @definition.enum
(class_declaration declaration_kind: "extension" name: (_) @owner) @extension
(protocol_declaration name: (_) @name) @definition.interface
(function_declaration . (modifiers)? . "func" name: _ @name) @definition.function
(protocol_function_declaration . (modifiers)? . "func" name: _ @name) @definition.method
(init_declaration "init" @name) @definition.constructor

(lambda_literal) @opaque

(attribute) @annotation

(class_declaration
  declaration_kind: "class"
  . name: (_)
  . (type_parameters)?
  . (inheritance_specifier inherits_from: (_) @supertype.inherits))
(protocol_declaration (inheritance_specifier inherits_from: (_) @supertype.inherits))
(inheritance_specifier inherits_from: (_) @supertype.implements)

(call_expression . (_) @call)
(constructor_expression . (_) @call)

(import_declaration) @import

; Properties; inside functions: locals.
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @variable.name)
  . (type_annotation (_) @variable.type))
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @variable.name)
  . value: (_) @variable.value)
(guard_statement bound_identifier: (simple_identifier) @variable.name . condition: (_) @variable.value)
(if_statement bound_identifier: (simple_identifier) @variable.name . condition: (_) @variable.value)
(protocol_property_declaration
  name: (pattern bound_identifier: (simple_identifier) @variable.name)
  (type_annotation (_) @variable.type))
