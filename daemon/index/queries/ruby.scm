; Ruby: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class name: (_) @name) @definition.class
(module name: (_) @name) @definition.object
(method name: (_) @name) @definition.function
(singleton_method object: (self) name: (_) @name) @definition.function
(singleton_method object: (constant) @owner name: (_) @name) @definition.function
; Line = Struct.new(:sku) do ... end, Failed = Class.new(StandardError)
(assignment
  left: (constant) @name
  right: (call receiver: (constant) @_maker method: (identifier) @_makes)) @definition.class
(assignment
  right: (call
    receiver: (constant) @_class
    method: (identifier) @_makes
    arguments: (argument_list . [(constant) (scope_resolution)] @supertype.inherits)))

; Methods in a block belong to what the block is given to: Struct.new do ... end.
(block) @opaque
(do_block) @opaque
(lambda) @opaque

(superclass [(constant) (scope_resolution)] @supertype.inherits)
(superclass (element_reference object: [(constant) (scope_resolution)] @supertype.inherits))
; A module that is included lends its code.
(call !receiver method: (identifier) @_mixin arguments: (argument_list) @supertype.mixed)

(call) @call
(super) @call
; A bare word that stands as a statement, or is all that is returned, is a call unless it is a variable.
(body_statement (identifier) @bare)
(then (identifier) @bare)
(else (identifier) @bare)
(block_body (identifier) @bare)
(program (identifier) @bare)
(return (argument_list . (identifier) @bare .))
(if_modifier body: (identifier) @bare)
(if_modifier condition: (identifier) @bare)
(unless_modifier body: (identifier) @bare)
(unless_modifier condition: (identifier) @bare)
(if condition: (identifier) @bare)
(unless condition: (identifier) @bare)
(assignment right: (identifier) @bare)

(call !receiver method: (identifier) @_load arguments: (argument_list . (string))) @import

; Instance variables, locals; the names of blocks' parameters only hide calls.
(assignment left: (instance_variable) @member.name right: (_) @member.value)
(operator_assignment left: (instance_variable) @member.name right: (_) @member.value)
(assignment left: (identifier) @variable.name right: (_) @variable.value)
(operator_assignment left: (identifier) @variable.name right: (_) @variable.value)
(left_assignment_list (identifier) @variable.name)
(block_parameters (identifier) @variable.name)
(exception_variable (identifier) @variable.name)
(for pattern: (identifier) @variable.name)
