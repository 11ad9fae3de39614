/* Canonical addresses: RFC 5952, and what is no address. */
#include "loginetl/login/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct pair {
    const char *from, *to;
};

static void expect_canonical(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char out[LE_IP_CHARS_MAX];
        size_t len = le_ip_canonical(le_span_of(pairs[i].from), out);
        if (!le_span_is((struct le_span){out, len}, pairs[i].to))
            fail_msg("%s became %.*s, not %s", pairs[i].from, (int)len, out, pairs[i].to);
    }
}

static void ipv4_stays_as_it_is(void **state)
{
    static const struct pair pairs[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"1.2.3.4", "1.2.3.4"},
        {"199.172.111.135", "199.172.111.135"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.0.100.9", "10.0.100.9"},
    };
    (void)state;
    expect_canonical(pairs, COUNT_OF(pairs));
}

static void ipv6_is_written_one_way(void **state)
{
    static const struct pair pairs[] = {
        {"::", "::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"0000:0000:0000:0000:0000:0000:0000:0000", "::"},
        {"::1", "::1"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1::", "1::"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"2001:DB8::A", "2001:db8::a"},
        {"2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"},
        {"ABCD:EF01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"fe80::1", "fe80::1"},
        /* RFC 5952 §4.2.2: one zero group is not shortened */
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        /* §4.2.3: the longest run, the first of equals */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"0:0:0:1:0:0:0:0", "0:0:0:1::"},
        {"1:0:0:2:0:0:0:0", "1:0:0:2::"},
        {"0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"},
        {"1:0:0:0:2:0:0:0", "1::2:0:0:0"},
        {"0:0:2:3:4:5:6:7", "::2:3:4:5:6:7"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"},
    };
    (void)state;
    expect_canonical(pairs, COUNT_OF(pairs));
}

static void only_mapped_ipv4_has_a_dotted_tail(void **state)
{
    static const struct pair pairs[] = {
        {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
        {"::FFFF:0102:0304", "::ffff:1.2.3.4"},
        {"0:0:0:0:0:ffff:c0a8:101", "::ffff:192.168.1.1"},
        {"::ffff:0:0", "::ffff:0.0.0.0"},
        {"::ffff:255.255.255.255", "::ffff:255.255.255.255"},
        {"::1.2.3.4", "::102:304"},
        {"::0.0.0.1", "::1"},
        {"::fffe:1.2.3.4", "::fffe:102:304"},
        {"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"},
        {"1::5:6:7.8.9.10", "1::5:6:708:90a"},
    };
    (void)state;
    expect_canonical(pairs, COUNT_OF(pairs));
}

static void a_canonical_form_is_its_own(void **state)
{
    static const char *const texts[] = {"::",
                                        "::1",
                                        "1::",
                                        "2001:db8::1:0:0:1",
                                        "::ffff:1.2.3.4",
                                        "9.8.7.6",
                                        "2001:db8:0:1:1:1:1:1"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct pair same = {texts[i], texts[i]};
        expect_canonical(&same, 1);
    }
}

static void what_is_no_address_is_told(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "unknown",
        "localhost",
        /* dotted decimals */
        "1",
        "1.2.3",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "1.2.3.4.",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.1.1.256",
        "1.1.1.1000",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4/32",
        "1.2.3.4:80",
        "0x1.2.3.4",
        "1.2.3.a",
        "-1.2.3.4",
        "+1.2.3.4",
        "16909060",
        /* groups */
        ":",
        ":::",
        "1",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:",
        ":2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1::2::3",
        "::1::",
        "1:::2",
        "12345::",
        "00001::",
        "g::",
        "::-1",
        "::1 ",
        "[::1]",
        "fe80::1%eth0",
        "fe80::1%1",
        "::1/128",
        /* dotted tails */
        "::1.2.3",
        "::1.2.3.4.5",
        "::256.2.3.4",
        "::01.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::2:3:4:5:6:7:1.2.3.4",
        ":1.2.3.4",
        /* longer than any address */
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char out[LE_IP_CHARS_MAX];
        if (le_ip_canonical(le_span_of(texts[i]), out) != 0)
            fail_msg("taken for an address: %s", texts[i]);
    }
}

static void a_nul_ends_nothing(void **state)
{
    char out[LE_IP_CHARS_MAX];
    (void)state;
    assert_int_equal(le_ip_canonical(LE_SPAN_LIT("1.2.3.4\0"), out), 0);
    assert_int_equal(le_ip_canonical(LE_SPAN_LIT("::1\0"), out), 0);
    assert_int_equal(le_ip_canonical(LE_SPAN_NONE, out), 0);
}

static void the_longest_addresses_fit(void **state)
{
    char out[LE_IP_CHARS_MAX];
    struct le_span longest = LE_SPAN_LIT("0000:0000:0000:0000:0000:ffff:255.255.255.255");
    (void)state;
    assert_int_equal(longest.len, LE_IP_CHARS_MAX - 1);
    assert_int_equal(le_ip_canonical(longest, out), strlen("::ffff:255.255.255.255"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_stays_as_it_is),
        cmocka_unit_test(ipv6_is_written_one_way),
        cmocka_unit_test(only_mapped_ipv4_has_a_dotted_tail),
        cmocka_unit_test(a_canonical_form_is_its_own),
        cmocka_unit_test(what_is_no_address_is_told),
        cmocka_unit_test(a_nul_ends_nothing),
        cmocka_unit_test(the_longest_addresses_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
