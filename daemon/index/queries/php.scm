; PHP: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_declaration name: (name) @name) @definition.class
(trait_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(enum_declaration name: (name) @name) @definition.enum
(method_declaration name: (name) @name) @definition.method
(function_definition name: (name) @name) @definition.function

(namespace_definition name: (_) @package !body)
(namespace_definition name: (_) @name body: (_)) @namespace

(anonymous_function) @opaque
(arrow_function) @opaque
(anonymous_class) @opaque

(attribute_list) @annotation

(base_clause [(name) (qualified_name)] @supertype.inherits)
(class_interface_clause [(name) (qualified_name)] @supertype.implements)
; A trait lends its code.
(use_declaration [(name) (qualified_name)] @supertype.inherits)

(function_call_expression function: [(name) (qualified_name)] @call)
(member_call_expression name: (name)) @call
(nullsafe_member_call_expression name: (name)) @call
(scoped_call_expression name: (name)) @call
(object_creation_expression [(name) (qualified_name)] @call)

(namespace_use_declaration) @import
(require_expression) @import
(require_once_expression) @import
(include_expression) @import
(include_once_expression) @import

; Properties, those of constructor parameters too; inside functions: locals.
(property_declaration
  type: (_) @variable.type
  (property_element name: (variable_name (name) @variable.name)))
(property_promotion_parameter type: (_) @member.type name: (variable_name (name) @member.name))
(assignment_expression
  left: (member_access_expression object: (variable_name) @_self name: (name) @member.name)
  right: [(object_creation_expression) (variable_name)] @member.value)
(assignment_expression left: (variable_name) @variable.name right: (_) @variable.value)
