; What JavaScript alone has.

(class_body
  (field_definition
    property: (_) @name
    value: [(arrow_function) (function_expression)]) @definition.method)

(class_declaration (class_heritage (_) @supertype.inherits))
(class (class_heritage (_) @supertype.inherits))

(field_definition property: (_) @variable.name !value)
(field_definition property: (_) @variable.name value: (_) @variable.value)
