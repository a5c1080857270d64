/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installed schema and the codec's table say the same: member by member, and by
 * documents that both of them judge. argv[1] is the schema.
 */
#include "test.h"

#include <stdlib.h>

#include "model/document_members.h"
#include "schema.h"

static const char *schema_path;
static json_t *root;

static int load_schema(void **state)
{
    json_error_t error;

    (void)state;
    root = json_load_file(schema_path, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        print_error("%s: %s\n", schema_path, error.text);
    return root ? 0 : -1;
}

static int free_schema(void **state)
{
    (void)state;
    json_decref(root);
    return 0;
}

static const json_t *schema_of(unsigned of)
{
    const json_t *defs = json_object_get(root, "$defs");

    return of == FR_OF_DOCUMENT    ? root
           : of == FR_OF_BOOTSTRAP ? json_object_get(defs, "bootstrap")
                                   : json_object_get(defs, "discovery");
}

static const json_t *property(const struct fr_member *m, unsigned of)
{
    return json_object_get(json_object_get(schema_of(of), "properties"), m->name);
}

static bool is_required(const char *name, const json_t *schema)
{
    const json_t *list = json_object_get(schema, "required");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

static void check_limit(const json_t *schema, const char *keyword, json_int_t want)
{
    const json_t *rule = schema_rule(root, schema, keyword);

    if (!rule && (want == 0 || want == INT64_MAX))
        return; /* no limit worth a rule */
    assert_true(json_is_integer(rule));
    assert_int_equal(json_integer_value(rule), want);
}

static void check_member(const struct fr_member *m, unsigned of)
{
    static const struct {
        const char *type, *min, *max;
    } words[] = {
        [FR_MEMBER_STRING] = {"string", "minLength", "maxLength"},
        [FR_MEMBER_INTEGER] = {"integer", "minimum", "maximum"},
        [FR_MEMBER_ARRAY] = {"array", "minItems", "maxItems"},
    };
    const json_t *schema = property(m, of);

    if (!schema)
        fail_msg("the schema has no \"%s\"", m->name);
    assert_string_equal(json_string_value(schema_rule(root, schema, "type")),
                        words[m->type].type);
    check_limit(schema, words[m->type].min, m->min);
    check_limit(schema, words[m->type].max, m->max);
    assert_int_equal(is_required(m->name, schema_of(of)), m->required);
}

static void every_member_of_the_codec_is_in_the_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < fr_n_members; i++)
        for (unsigned of = FR_OF_DOCUMENT; of <= FR_OF_DISCOVERY; of *= 2)
            if (fr_members[i].of & of)
                check_member(&fr_members[i], of);
}

static size_t n_members_of(unsigned of)
{
    size_t n = 0;

    for (size_t i = 0; i < fr_n_members; i++)
        n += (fr_members[i].of & of) != 0;
    return n;
}

static void the_schema_has_no_other_members(void **state)
{
    (void)state;
    for (unsigned of = FR_OF_DOCUMENT; of <= FR_OF_DISCOVERY; of *= 2) {
        const json_t *schema = schema_of(of);

        assert_int_equal(json_object_size(json_object_get(schema, "properties")),
                         n_members_of(of));
        assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    }
}

static void the_suids_of_the_schema_are_the_defined_ones(void **state)
{
    const json_t *suid = json_object_get(
        json_object_get(schema_of(FR_OF_BOOTSTRAP), "properties"), "suid");
    const json_t *list = json_object_get(suid, "enum");
    size_t defined = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        defined += fr_suid_is_defined(i);
    assert_int_equal(json_array_size(list), defined);
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_true(
            fr_suid_is_defined((int)json_integer_value(json_array_get(list, i))));
}

/* ---- documents that both judge ---- */

static bool codec_accepts(const json_t *value)
{
    FR_AUTO(document) *doc = NULL;
    FR_AUTO_STR(text) = json_dumps(value, JSON_COMPACT);
    enum fr_code rc;

    assert_non_null(text);
    rc =
        fr_document_parse(fr_slice_str(text), "test", FR_USE_TRIGGER, &doc, NULL, NULL);
    assert_true(rc == FR_OK || rc == FR_EPARSE);
    return rc == FR_OK;
}

static void both_judge(const json_t *value, bool accepted, const char *what)
{
    if (schema_accepts(root, root, value) != accepted)
        fail_msg("%s: the schema does not %s it", what, accepted ? "accept" : "refuse");
    if (codec_accepts(value) != accepted)
        fail_msg("%s: the codec does not %s it", what, accepted ? "accept" : "refuse");
}

static json_t *full_document(void)
{
    static const char text[] =
        "{\"version\":1,\"name\":\"n\",\"serial\":4,\"issued\":\"2026-11-24T03:07:"
        "19Z\","
        "\"notAfter\":\"2027-11-24T03:07:19.5+00:00\",\"devices\":[\"d\"],"
        "\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"mef.example\",\"port\":1,"
        "\"binding\":\"coap\",\"target\":\"//sp/cse\",\"suid\":22,"
        "\"adminFQDN\":\"a\",\"expiry\":\"P1DT1H\",\"credential\":\"c\","
        "\"trustAnchors\":[\"ni:///"
        "sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"],"
        "\"budget\":\"PT10M\",\"comment\":\"\"},"
        "{\"discovery\":\"https\",\"resource\":\"https://d.example/x\","
        "\"credential\":\"c\",\"trustAnchors\":[\"ni:///"
        "sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"],"
        "\"budget\":\"PT1S\",\"comment\":\"\"}]}";

    return json_loads(text, 0, NULL);
}

static json_t *object_of(json_t *document, unsigned of)
{
    return of == FR_OF_DOCUMENT
               ? document
               : json_array_get(json_object_get(document, "instructions"),
                                of == FR_OF_BOOTSTRAP ? 0 : 1);
}

static void judge_with(const struct fr_member *m, unsigned of, json_t *value,
                       bool accepted)
{
    json_auto_t *document = full_document();

    assert_int_equal(json_object_set_new(object_of(document, of), m->name, value), 0);
    both_judge(document, accepted, m->name);
}

static json_t *text_of_length(json_int_t n)
{
    static char text[8192];

    memset(text, 'x', sizeof text);
    return json_stringn(text, (size_t)n);
}

static json_t *list_of_length(json_int_t n)
{
    json_t *list = json_array();

    for (json_int_t i = 0; i < n; i++)
        json_array_append_new(list, json_string("x"));
    return list;
}

static void judge_limits(const struct fr_member *m, unsigned of)
{
    switch (m->type) {
    case FR_MEMBER_INTEGER:
        judge_with(m, of, json_integer(m->min - 1), false);
        judge_with(m, of, json_integer(m->min), true);
        if (m->max < INT64_MAX)
            judge_with(m, of, json_integer(m->max + 1), false);
        judge_with(m, of, json_integer(m->max), true);
        judge_with(m, of, json_real((double)m->min), false);
        judge_with(m, of, json_string("1"), false);
        break;
    case FR_MEMBER_STRING:
        if (m->min > 0)
            judge_with(m, of, json_string(""), false);
        judge_with(m, of, text_of_length(m->max + 1), false);
        judge_with(m, of, json_integer(1), false);
        break;
    case FR_MEMBER_ARRAY:
        judge_with(m, of, json_array(), false);
        judge_with(m, of, list_of_length(m->max + 1), false);
        judge_with(m, of, json_object(), false);
        break;
    }
    judge_with(m, of, json_null(), false);
}

static void schema_and_codec_judge_limits_and_types_alike(void **state)
{
    json_auto_t *document = full_document();

    (void)state;
    both_judge(document, true, "all members");
    for (size_t i = 0; i < fr_n_members; i++)
        for (unsigned of = FR_OF_DOCUMENT; of <= FR_OF_DISCOVERY; of *= 2)
            if (fr_members[i].of & of)
                judge_limits(&fr_members[i], of);
}

static void schema_and_codec_need_the_same_members(void **state)
{
    (void)state;
    for (size_t i = 0; i < fr_n_members; i++) {
        for (unsigned of = FR_OF_DOCUMENT; of <= FR_OF_DISCOVERY; of *= 2) {
            json_auto_t *document = full_document();

            if (!(fr_members[i].of & of))
                continue;
            json_object_del(object_of(document, of), fr_members[i].name);
            both_judge(document, !fr_members[i].required, fr_members[i].name);
        }
    }
}

static void schema_and_codec_refuse_other_members(void **state)
{
    (void)state;
    for (unsigned of = FR_OF_DOCUMENT; of <= FR_OF_DISCOVERY; of *= 2) {
        json_auto_t *document = full_document();

        json_object_set_new(object_of(document, of), "other", json_integer(1));
        both_judge(document, false, "an unknown member");
    }
}

static void schema_and_codec_agree_about_forms(void **state)
{
    static const struct {
        const char *name, *value;
        bool accepted;
    } rows[] = {
        {"mef", "MEF.example", true},
        {"mef", "a-b.c1", true},
        {"mef", "-a", false},
        {"mef", "a-", false},
        {"mef", "a..b", false},
        {"mef", "a.", false},
        {"mef", "a_b", false},
        {"mef", "a/b", false},
        {"adminFQDN", "a b", false},
        {"target", "//sp/cse/ae", true},
        {"target", "//sp", false},
        {"target", "//sp/a/b/c", false},
        {"target", "/x", false},
        {"target", "broker", true},
        {"binding", "http", true},
        {"binding", "mqtt", false},
        {"expiry", "P1D", true},
        {"expiry", "PT1M1S", true},
        {"expiry", "1D", false},
        {"expiry", "P1M", false},
        {"expiry", "PT1D", false},
        {"expiry", "P1W", false},
        {"budget", "PT1S", true},
        {"budget", "pt1s", false},
        {"bootstrap", "x-vendor", true},
        {"comment", "\xc3\xa9", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_auto_t *document = full_document();

        json_object_set_new(object_of(document, FR_OF_BOOTSTRAP), rows[i].name,
                            json_string(rows[i].value));
        both_judge(document, rows[i].accepted, rows[i].value);
    }
}

static void schema_and_codec_agree_about_times(void **state)
{
    static const struct {
        const char *value;
        bool accepted;
    } rows[] = {
        {"2026-11-24T03:07:19Z", true},       {"2026-11-24t03:07:19z", true},
        {"2026-11-24T03:07:19.123Z", true},   {"2026-11-24T03:07:19+00:00", true},
        {"2026-11-24T03:07:19+01:00", false}, {"2026-11-24 03:07:19Z", false},
        {"2026-11-24T03:07Z", false},         {"2026-11-24", false},
        {"20261124T030719", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_auto_t *document = full_document();

        json_object_set_new(document, "issued", json_string(rows[i].value));
        both_judge(document, rows[i].accepted, rows[i].value);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_the_codec_is_in_the_schema),
        cmocka_unit_test(the_schema_has_no_other_members),
        cmocka_unit_test(the_suids_of_the_schema_are_the_defined_ones),
        cmocka_unit_test(schema_and_codec_judge_limits_and_types_alike),
        cmocka_unit_test(schema_and_codec_need_the_same_members),
        cmocka_unit_test(schema_and_codec_refuse_other_members),
        cmocka_unit_test(schema_and_codec_agree_about_forms),
        cmocka_unit_test(schema_and_codec_agree_about_times),
    };

    schema_path = argc > 1 ? argv[1] : "schema/instructions.schema.json";
    return cmocka_run_group_tests_name("model/document_schema", tests, load_schema,
                                       free_schema);
}
