#include "containers/cli-proxy/redact.h"

#include <time.h>

#include "tests/unit/check.h"

#define R REDACTED

/* NULL: nothing is redacted. */
static const struct {
	const char *text, *redacted;
} texts[] = {
	{ "", NULL },
	{ "repos/o/r/issues", NULL },

	/* tokens of GitHub */
	{ "ghp_0123456789abcdefghijABCDEFGHIJ012345", R },
	{ "gho_0123456789", R },
	{ "ghu_0123456789", R },
	{ "ghs_0123456789", R },
	{ "ghr_0123456789", R },
	{ "GHP_0123456789", R },
	{ "github_pat_11ABCDEFG0123456789_abcdefghijkl", R },
	{ "a ghp_0123456789, b", "a " R ", b" },
	{ "xghp_0123456789", "x" R },
	{ "ghp_0123456789 gho_0123456789\n", R " " R "\n" },
	{ "ghp_0123456789ghp_0123456789", R },
	{ "error: bad credentials ghp_012", "error: bad credentials " R },
	{ "ghp_012 is short", NULL },
	{ "ghp_", NULL },
	{ "ghx_0123456789abcdef", NULL },

	/* other shapes */
	{ "AKIAIOSFODNN7EXAMPLE", R },
	{ "id AKIAIOSFODNN7EXAMPLE.", "id " R "." },
	{ "AKIAIOSFODNN7 is short", NULL },
	{ "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9 x", R " x" },
	{ "eyJ is short", NULL },
	{ "curl -H Bearer abcdefgh", "curl -H Bearer " R },
	{ "bearer abcdef/+=~ x", "bearer " R " x" },
	{ "a bearer of news", NULL },
	{ "key sk-ant-api03-abc_DEF-1 x", "key " R " x" },
	{ "sk-proj-abcdef123456", R },
	{ "glpat-abcdef_12345", R },
	{ "xoxb-1234567890-abc", R },
	{ "task-ant-farm is a name", NULL },

	/* keys */
	{ "a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb", "a\n" R "\nb" },
	{ "-----BEGIN RSA PRIVATE KEY-----\nMIIE", R },
	{ "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n-----END PGP PRIVATE KEY BLOCK----- x",
	  R " x" },
	{ "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", NULL },
	{ "-----BEGIN CERTIFICATE-----\nthe PRIVATE KEY is not here", NULL },

	/* URLs */
	{ "https://user:pass@github.com/o/r", "https://" R "@github.com/o/r" },
	{ "https://x-access-token@github.com", "https://" R "@github.com" },
	{ "https://u:p@ss@h/?q", "https://" R "@h/?q" },
	{ "see 'https://u:p@h'", "see 'https://" R "@h'" },
	{ "https://github.com/@user", NULL },
	{ "https://github.com?a=@b", NULL },
	{ "https://@h", NULL },
	{ "user@example.com", NULL },

	/* headers */
	{ "Authorization: token abc def", "Authorization: " R },
	{ "-HAuthorization: Basic dXNlcjpwYXNz", "-HAuthorization: " R },
	{ "proxy-authorization:x\nAccept: y", "proxy-authorization:" R "\nAccept: y" },
	{ "Cookie: a=b; c=d", "Cookie: " R },
	{ "X-Api-Key: abc", "X-Api-Key: " R },
	{ "X-GitHub-Api-Version: 2022-11-28", NULL },
	{ "Accept: application/vnd.github+json", NULL },

	/* names */
	{ "token=abc def", "token=" R },
	{ "client_secret=abc", "client_secret=" R },
	{ "--token=abc", "--token=" R },
	{ "-ftoken=abc", "-ftoken=" R },
	{ "inputs[api_key]=abc", "inputs[api_key]=" R },
	{ "inputs[api_key]=abc def", "inputs[api_key]=" R },
	{ "--raw-field=token=abc def", "--raw-field=token=" R },
	{ "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=" R },
	{ "set DB_PASSWORD = abc, ok", "set DB_PASSWORD = " R " ok" },
	{ "the password: abc", "the password: " R },
	{ "?api-key=a&page=2&sig=b", "?api-key=" R "&page=2&sig=" R },
	{ "X-Amz-Signature=abc&x=1", "X-Amz-Signature=" R },
	{ "https://h/?X-Amz-Signature=abc&x=1", "https://h/?X-Amz-Signature=" R "&x=1" },
	{ "{\"password\": \"a b\", \"title\": \"c\"}",
	  "{\"password\": \"" R "\", \"title\": \"c\"}" },
	{ "{\"password\":\"a\\\"b\",\"c\":1}", "{\"password\":\"" R "\",\"c\":1}" },
	{ "\"{\\\"token\\\":\\\"a b\\\",\\\"c\\\":1}\"",
	  "\"{\\\"token\\\":\\\"" R "\\\",\\\"c\\\":1}\"" },
	{ "{'secret':'a b'}", "{'secret':'" R "'}" },
	{ "{\"authorization\":\"a\",\"title\":\"b\"}",
	  "{\"authorization\":\"" R "\",\"title\":\"b\"}" },
	{ "secret \"unclosed", NULL },
	{ "password=\"unclosed", "password=\"" R },
	{ "token=", NULL },
	{ "token=\"\"", "token=\"" R },
	{ "a token=\"\"", NULL },
	{ "a token", NULL },
	{ "tokens are fine", NULL },
	{ "design=round", NULL },
	{ "title=a token", NULL },
	{ "body=my ghp_0123456789", "body=my " R },
	{ "\xff\xfe token=\xff", "\xff\xfe token=" R },
};

static void test_texts(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *redacted = redact(texts[i].text);
		_cleanup_free_ char *again = redact(redacted);

		assert_same_text(redacted, texts[i].redacted ? texts[i].redacted : texts[i].text);
		assert_same_text(again, redacted);
	}
}

/* Arguments, and which of them are secrets whatever they are. */
static const struct {
	char *args[8];
	bool secret[8];
} calls[] = {
	{ { "auth", "login", "--with-token", "abc" }, { false, false, false, true } },
	{ { "x", "--api-key", "-abc", "d" }, { false, false, true } },
	{ { "x", "--token=a", "b" }, { false } },
	{ { "x", "--title", "token", "b" }, { false } },
	{ { "secret", "set", "NAME", "--body", "abc", "-babc" },
	  { false, false, false, true, true, true } },
	{ { "secret", "list" }, { false } },
	{ { "api", "--jq", ".token", "x" }, { false } },
};

static void test_args(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (size_t j = 0; calls[i].args[j]; j++) {
			assert_row(calls[i].args[j],
				   redact_is_secret(calls[i].args, j) == calls[i].secret[j]);
		}
	}
}

/* Of which texts could be made whose time grows with the square of their length. */
static const char *const repeated[] = {
	"ghp_",   "AKIA",       "eyJ",         "a",
	"://",    "://a@",      "-----BEGIN ", "-----BEGIN PRIVATE KEY",
	"token=", "\"",         "token \"",    "token\\",
	"=",      "token=\"\\", "Bearer ",     "password: ",
};

static double seconds_of_one(const char *text)
{
	_cleanup_free_ char *redacted = NULL;
	clock_t began = clock();

	redacted = redact(text);
	assert_non_null(redacted);
	return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* The CPU time of a text made of repetitions: the least of some, since what a busy machine adds to
 * one has nothing to do with its length. */
static double seconds_of(const char *part, size_t length)
{
	_cleanup_free_ char *text = xcalloc(length + 1, 1);
	double least = 0;

	for (size_t i = 0; i < length; i++)
		text[i] = part[i % strlen(part)];
	for (int i = 0; i < 5; i++) {
		double seconds = seconds_of_one(text);

		least = i == 0 || seconds < least ? seconds : least;
	}
	return least;
}

/* 16 times the text takes about 16 times as long, not 256 times. */
static void test_long_texts(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(repeated); i++) {
		double shorter = seconds_of(repeated[i], 16 * 1024);
		double longer = seconds_of(repeated[i], 256 * 1024);

		assert_row(repeated[i], longer < 64 * shorter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_long_texts),
	};

	return RUN_TESTS("redact", tests);
}
