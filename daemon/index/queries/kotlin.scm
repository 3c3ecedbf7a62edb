; Kotlin: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_declaration "interface" (type_identifier) @name) @definition.interface
(class_declaration "enum" (type_identifier) @name) @definition.enum
(class_declaration "class" (type_identifier) @name) @definition.class
(object_declaration (type_identifier) @name) @definition.object
(companion_object (type_identifier) @name) @definition.object
(companion_object) @definition.object
(function_declaration (simple_identifier) @name) @definition.function
(secondary_constructor) @definition.constructor

(lambda_literal) @opaque
(object_literal) @opaque
(anonymous_function) @opaque
(enum_entry (class_body) @opaque)

(annotation) @annotation


(class_declaration "interface" (delegation_specifier (user_type) @supertype.inherits))
(delegation_specifier (constructor_invocation (user_type) @supertype.inherits))
(delegation_specifier (user_type) @supertype.implements)
(delegation_specifier (explicit_delegation (user_type) @supertype.implements))

(call_expression . (_) @call)
(callable_reference "::" . (simple_identifier)) @call
(constructor_delegation_call ["this" "super"] @call)

(package_header (identifier) @package)
(import_header) @import

; Fields: properties, and parameters of the primary constructor that are properties. Inside functions: locals.
(class_parameter (binding_pattern_kind) (simple_identifier) @variable.name . (_) @variable.type)
(property_declaration (variable_declaration (simple_identifier) @variable.name . (_) @variable.type))
(property_declaration (variable_declaration (simple_identifier) @variable.name .) "=" (_) @variable.value)
