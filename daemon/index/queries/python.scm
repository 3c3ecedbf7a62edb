; Python: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_definition name: (identifier) @name) @definition.class
(function_definition name: (identifier) @name) @definition.function
(decorated_definition definition: (_) @wrapped) @wrapper
(decorator) @annotation

(class_definition
  superclasses: (argument_list [(identifier) (attribute) (subscript)] @supertype.inherits))

(call function: (_) @call)
(decorator [(identifier) (attribute)] @call)

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

; What a name holds: declared, or made by the call on the right.
(assignment left: (identifier) @variable.name type: (type) @variable.type)
(assignment left: (identifier) @variable.name !type right: [(call) (await (call))] @variable.value)
(class_definition body: (block (assignment left: (identifier) @variable.name !type right: (_))))
(as_pattern (call) @variable.value alias: (as_pattern_target (identifier) @variable.name))
(assignment
  left: (attribute object: (identifier) @_self attribute: (identifier) @member.name)
  type: (type) @member.type)
(assignment
  left: (attribute object: (identifier) @_self attribute: (identifier) @member.name)
  !type
  right: [(call) (identifier) (await (call)) (boolean_operator) (conditional_expression)] @member.value)
