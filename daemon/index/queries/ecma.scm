; What JavaScript and TypeScript share. The captures are explained in tags.py.

(class_declaration name: (_) @name) @definition.class
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(variable_declarator name: (identifier) @name value: (class)) @definition.class
(class_body (method_definition name: (_) @name) @definition.method)

; An object made of functions, and its functions.
(variable_declarator
  name: (identifier) @name
  value: (object
    [(method_definition) (pair value: [(arrow_function) (function_expression)])])) @definition.object
(variable_declarator value: (object (method_definition name: (property_identifier) @name) @definition.method))
(variable_declarator
  value: (object
    (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @definition.method))

; exports.f = function, app.use = function, Foo.prototype.go = function
(assignment_expression
  left: (member_expression) @name
  right: [(arrow_function) (function_expression) (generator_function)]) @definition.function
(assignment_expression left: (member_expression) @name right: (class)) @definition.class
(assignment_expression
  left: (member_expression) @_exports
  right: (object (method_definition name: (property_identifier) @name) @definition.function))
(assignment_expression
  left: (member_expression) @_exports
  right: (object
    (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @definition.function))

(export_statement value: [(arrow_function) (function_expression) (generator_function)] @definition.function)
(export_statement value: (class) @definition.class)

(export_statement declaration: (_) @wrapped) @wrapper
(export_statement value: (_) @wrapped) @wrapper
(lexical_declaration (variable_declarator) @wrapped) @wrapper
(variable_declaration (variable_declarator) @wrapped) @wrapper
(expression_statement (assignment_expression) @wrapped) @wrapper
(assignment_expression right: (assignment_expression) @wrapped) @wrapper

(arrow_function) @opaque
(function_expression) @opaque
(generator_function) @opaque
(class) @opaque

(decorator) @annotation

(call_expression function: (_) @call)
(new_expression constructor: (_) @call)
(decorator [(identifier) (member_expression)] @call)

(import_statement) @import
(export_statement source: (_)) @import
(export_statement "default" value: (identifier)) @import
(variable_declarator
  value: (call_expression function: (identifier) @_require)) @import
(variable_declarator
  value: (member_expression object: (call_expression function: (identifier) @_require))) @import
(assignment_expression
  left: (member_expression) @_exports
  right: (identifier)) @import

(variable_declarator
  name: (identifier) @variable.name
  value: [(new_expression) (call_expression) (await_expression)] @variable.value)
(assignment_expression
  left: (member_expression object: (this) property: (_) @member.name)
  right: [(new_expression) (call_expression) (identifier)] @member.value)
