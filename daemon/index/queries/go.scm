; Go: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(type_spec name: (type_identifier) @name type: (interface_type)) @definition.interface
(type_spec name: (type_identifier) @name) @definition.class
(type_declaration (type_spec) @wrapped) @wrapper
(function_declaration name: (identifier) @name) @definition.function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @owner))
  name: (field_identifier) @name) @definition.method
(method_elem name: (field_identifier) @name) @definition.method

(func_literal) @opaque

; Embedding is how Go inherits.
(struct_type (field_declaration_list (field_declaration !name type: (_) @supertype.inherits)))
(interface_type (type_elem . [(type_identifier) (qualified_type) (generic_type)] @supertype.inherits .))

(call_expression function: (_) @call)
(composite_literal type: [(type_identifier) (qualified_type) (generic_type)] @call)
(type_conversion_expression type: (generic_type) @call)

(package_clause (package_identifier) @package)
(import_spec) @import

; Fields of structs, package variables, locals.
(field_declaration name: (field_identifier) @variable.name type: (_) @variable.type)
(var_spec name: (identifier) @variable.name type: (_) @variable.type)
(var_spec . name: (identifier) @variable.name . value: (expression_list . (_) @variable.value .))
(short_var_declaration
  left: (expression_list . (identifier) @variable.name)
  right: (expression_list . (_) @variable.value .))
