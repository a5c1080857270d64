/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <regex.h>

#include "test.h"

const json_t *schema_deref(const json_t *root, const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const json_t *target;

    if (!ref)
        return schema;
    assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
    target = json_object_get(json_object_get(root, "$defs"), ref + 8);
    assert_non_null(target);
    return target;
}

const json_t *schema_rule(const json_t *root, const json_t *schema, const char *keyword)
{
    const json_t *rule = json_object_get(schema, keyword);

    return rule ? rule : json_object_get(schema_deref(root, schema), keyword);
}

static bool has_type(const json_t *value, const char *type)
{
    return strcmp(type, "object") == 0    ? json_is_object(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "string") == 0  ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
                                          : false;
}

static bool matches(const json_t *value, const char *pattern)
{
    regex_t regex;
    bool found;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool is_in(const json_t *value, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(value, json_array_get(list, i)))
            return true;
    return false;
}

static bool has_all(const json_t *object, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        if (!json_object_get(object, json_string_value(json_array_get(names, i))))
            return false;
    return true;
}

static size_t n_accepting(const json_t *root, const json_t *schemas,
                          const json_t *value)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(schemas); i++)
        n += schema_accepts(root, json_array_get(schemas, i), value);
    return n;
}

static bool items_accepted(const json_t *root, const json_t *schema, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!schema_accepts(root, schema, json_array_get(list, i)))
            return false;
    return true;
}

static bool members_accepted(const json_t *root, const json_t *properties,
                             const json_t *object)
{
    json_t *schema;
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)properties, name, schema) {
        const json_t *value = json_object_get(object, name);

        if (value && !schema_accepts(root, schema, value))
            return false;
    }
    return true;
}

static bool no_others(const json_t *properties, const json_t *object)
{
    json_t *value;
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)object, name, value)
        if (!json_object_get(properties, name))
            return false;
    return true;
}

static bool number_rule(const char *keyword, const json_t *rule, const json_t *value,
                        bool *ret)
{
    json_int_t limit = json_integer_value(rule), n = json_integer_value(value);
    json_int_t len = (json_int_t)json_string_length(value);
    json_int_t entries = (json_int_t)json_array_size(value);

    if (strcmp(keyword, "minimum") == 0)
        *ret = n >= limit;
    else if (strcmp(keyword, "maximum") == 0)
        *ret = n <= limit;
    else if (strcmp(keyword, "minLength") == 0)
        *ret = len >= limit;
    else if (strcmp(keyword, "maxLength") == 0)
        *ret = len <= limit;
    else if (strcmp(keyword, "minItems") == 0)
        *ret = entries >= limit;
    else if (strcmp(keyword, "maxItems") == 0)
        *ret = entries <= limit;
    else
        return false;
    return true;
}

static bool is_annotation(const char *keyword)
{
    static const char *const known[] = {"$schema", "$id",         "$defs",
                                        "title",   "description", "default"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(keyword, known[i]) == 0)
            return true;
    return false;
}

static bool rule_holds(const json_t *root, const json_t *schema, const char *keyword,
                       const json_t *value)
{
    const json_t *rule = json_object_get(schema, keyword);
    const json_t *properties = json_object_get(schema, "properties");
    bool holds;

    if (strcmp(keyword, "type") == 0)
        return has_type(value, json_string_value(rule));
    if (number_rule(keyword, rule, value, &holds))
        return holds;
    if (strcmp(keyword, "pattern") == 0)
        return matches(value, json_string_value(rule));
    if (strcmp(keyword, "enum") == 0)
        return is_in(value, rule);
    if (strcmp(keyword, "required") == 0)
        return has_all(value, rule);
    if (strcmp(keyword, "properties") == 0)
        return members_accepted(root, rule, value);
    if (strcmp(keyword, "additionalProperties") == 0)
        return json_is_true(rule) || no_others(properties, value);
    if (strcmp(keyword, "items") == 0)
        return items_accepted(root, rule, value);
    if (strcmp(keyword, "oneOf") == 0)
        return n_accepting(root, rule, value) == 1;
    if (strcmp(keyword, "anyOf") == 0)
        return n_accepting(root, rule, value) >= 1;
    if (strcmp(keyword, "$ref") == 0)
        return schema_accepts(root, schema_deref(root, schema), value);
    if (!is_annotation(keyword))
        fail_msg("the schema has a keyword that this test does not know: %s", keyword);
    return true;
}

bool schema_accepts(const json_t *root, const json_t *schema, const json_t *value)
{
    const json_t *type = json_object_get(schema, "type");
    const char *keyword;
    json_t *rule;

    /* The rules of another type do not apply; with a wrong type nothing else counts. */
    if (type && !has_type(value, json_string_value(type)))
        return false;
    json_object_foreach ((json_t *)(uintptr_t)schema, keyword, rule) {
        if (!rule_holds(root, schema, keyword, value))
            return false;
    }
    return true;
}
