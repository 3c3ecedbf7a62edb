; What C and C++ share. The captures are explained in tags.py.

(struct_specifier name: (_) @name body: (_)) @definition.class
(union_specifier name: (_) @name body: (_)) @definition.class
(enum_specifier name: (_) @name body: (_)) @definition.enum
(type_definition type: (struct_specifier !name body: (_)) @definition.class declarator: (type_identifier) @name)
(type_definition type: (union_specifier !name body: (_)) @definition.class declarator: (type_identifier) @name)
(type_definition type: (enum_specifier !name body: (_)) @definition.enum declarator: (type_identifier) @name)
(type_definition type: [(struct_specifier) (union_specifier) (enum_specifier)] @wrapped) @wrapper

; A function's name stands below its pointers. A prototype is no node: it stays in the text of its header.
(function_definition
  declarator: (function_declarator declarator: (identifier) @name)
  body: (_)) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (identifier) @name))
  body: (_)) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (pointer_declarator
      declarator: (function_declarator declarator: (identifier) @name)))
  body: (_)) @definition.function
(function_definition
  declarator: (function_declarator
    declarator: (parenthesized_declarator (identifier) @name))
  body: (_)) @definition.function
; void (*handler(int which))(void): what returns a function.
(function_definition
  declarator: (function_declarator
    declarator: (parenthesized_declarator
      (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))))
  body: (_)) @definition.function
(function_definition
  declarator: (pointer_declarator
    declarator: (function_declarator
      declarator: (parenthesized_declarator
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))))
  body: (_)) @definition.function

(call_expression function: (_) @call)

(preproc_include) @import

; Fields of structs, parameters' company: locals and variables of the file.
(field_declaration type: (_) @variable.type declarator: (field_identifier) @variable.name)
(field_declaration
  type: (_) @variable.type
  declarator: (pointer_declarator declarator: (field_identifier) @variable.name))
(declaration type: (_) @variable.type declarator: (identifier) @variable.name)
(declaration type: (_) @variable.type declarator: (pointer_declarator declarator: (identifier) @variable.name))
(declaration
  type: (_) @variable.type
  declarator: (init_declarator declarator: (identifier) @variable.name value: (_) @variable.value))
(declaration
  type: (_) @variable.type
  declarator: (init_declarator
    declarator: (pointer_declarator declarator: (identifier) @variable.name)
    value: (_) @variable.value))
