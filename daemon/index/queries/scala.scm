; Scala 2 and 3: what becomes a node, what is used, what is imported. The captures are explained in tags.py.

(class_definition name: (_) @name) @definition.class
(object_definition name: (_) @name) @definition.object
(package_object name: (_) @name) @definition.object
(trait_definition name: (_) @name) @definition.interface
(enum_definition name: (_) @name) @definition.enum
(function_definition name: (_) @name) @definition.function
(function_declaration name: (_) @name) @definition.function
(given_definition name: (_) @name body: (_)) @definition.object

(lambda_expression) @opaque
(instance_expression (template_body) @opaque)

(annotation) @annotation

(package_clause name: (_) @package !body)
(package_clause name: (_) @name body: (_)) @namespace

; What a case of an enumeration extends is the enumeration.
; The types after `with` have no field of their own.
(trait_definition extend: (extends_clause [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.inherits))
(class_definition extend: (extends_clause . [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.inherits))
(object_definition extend: (extends_clause . [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.inherits))
(class_definition extend: (extends_clause [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.implements))
(object_definition extend: (extends_clause [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.implements))
(enum_definition extend: (extends_clause [(type_identifier) (generic_type) (stable_type_identifier) (annotated_type)] @supertype.implements))

(call_expression function: (_) @call)
(instance_expression . (_) @call)

(import_declaration) @import

; Parameters of a class are its fields, and so are its values; inside methods: locals.
(class_definition
  class_parameters: (class_parameters
    (class_parameter name: (identifier) @variable.name type: (_) @variable.type)))
(val_definition pattern: (identifier) @variable.name type: (_) @variable.type)
(val_definition pattern: (identifier) @variable.name !type value: (_) @variable.value)
(var_definition pattern: (identifier) @variable.name type: (_) @variable.type)
(var_definition pattern: (identifier) @variable.name !type value: (_) @variable.value)
(val_declaration name: (identifier) @variable.name type: (_) @variable.type)
