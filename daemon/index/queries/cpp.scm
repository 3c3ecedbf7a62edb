; What C++ has besides: classes, members defined outside of them, templates, namespaces.

(class_specifier name: (_) @name body: (_)) @definition.class
(template_declaration [(class_specifier) (struct_specifier) (union_specifier) (function_definition)] @wrapped) @wrapper

; What is `= default` or `= delete` has no body: it stays in the text of its class.
(function_definition
  declarator: (function_declarator
    declarator: [
      (field_identifier) (qualified_identifier) (destructor_name) (operator_name) (template_function)
    ] @name)
  body: (_)) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (function_declarator
      declarator: [(field_identifier) (qualified_identifier) (operator_name)] @name))
  body: (_)) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (pointer_declarator
      declarator: (function_declarator declarator: [(field_identifier) (qualified_identifier)] @name)))
  body: (_)) @definition.function
(function_definition
  declarator: (reference_declarator
    (function_declarator
      declarator: [(identifier) (field_identifier) (qualified_identifier) (operator_name)] @name))
  body: (_)) @definition.function
(function_definition declarator: (operator_cast) @name body: (_)) @definition.function
(function_definition declarator: (qualified_identifier) @name body: (_)) @definition.function

; Pure virtual members: nobody defines them anywhere else.
(field_declaration
  declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name)
  default_value: (number_literal)) @definition.method
(field_declaration
  declarator: (pointer_declarator (function_declarator declarator: (field_identifier) @name))
  default_value: (number_literal)) @definition.method
(field_declaration
  declarator: (reference_declarator (function_declarator declarator: (field_identifier) @name))
  default_value: (number_literal)) @definition.method

(namespace_definition name: (_) @name body: (_)) @namespace

(lambda_expression) @opaque

(attribute_declaration) @annotation

(base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @supertype.inherits)

(new_expression type: (_) @call)
(declaration
  type: [(type_identifier) (qualified_identifier) (template_type)] @call
  declarator: (init_declarator value: [(argument_list) (initializer_list)]))

(using_declaration) @import

(field_declaration type: (_) @variable.type declarator: (reference_declarator (field_identifier) @variable.name))
(declaration
  type: (_) @variable.type
  declarator: (init_declarator
    declarator: (reference_declarator (identifier) @variable.name)
    value: (_) @variable.value))
; Cart cart(pricing): to the grammar it might as well declare a function.
(declaration
  type: [(type_identifier) (qualified_identifier) (template_type)] @local.type
  declarator: (function_declarator declarator: (identifier) @local.name))
(for_range_loop type: (_) @variable.type declarator: (identifier) @variable.name)
(for_range_loop type: (_) @variable.type declarator: (reference_declarator (identifier) @variable.name))
