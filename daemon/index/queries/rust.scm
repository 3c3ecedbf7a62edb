; Rust: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(struct_item name: (type_identifier) @name) @definition.class
(union_item name: (type_identifier) @name) @definition.class
(enum_item name: (type_identifier) @name) @definition.enum
(trait_item name: (type_identifier) @name) @definition.interface
(function_item name: (identifier) @name) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(impl_item type: (_) @owner) @extension
(mod_item name: (identifier) @name body: (_)) @namespace

(closure_expression) @opaque

(attribute_item) @annotation

(impl_item trait: (_) @supertype.implements)
(trait_item bounds: (trait_bounds [(type_identifier) (scoped_type_identifier) (generic_type)] @supertype.inherits))

(call_expression function: (_) @call)
(struct_expression name: (_) @call)
; Arguments of macros are loose tokens: a name before a bracket is taken for a call.
(token_tree (identifier) @loose . (token_tree))

(use_declaration) @import

; Fields of structs, statics, locals.
(struct_item
  body: (field_declaration_list
    (field_declaration name: (field_identifier) @variable.name type: (_) @variable.type)))
(static_item name: (identifier) @variable.name type: (_) @variable.type)
(let_declaration pattern: (identifier) @variable.name type: (_) @variable.type)
(let_declaration pattern: (identifier) @variable.name !type value: (_) @variable.value)
