/* SPDX-License-Identifier: Apache-2.0 */
#include "at/request.h"

#include "util/num.h"

/* isalpha() and friends depend on the locale, and a negative char is not for them. */
static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static char to_upper(uint8_t c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* The word begins at *at and may be of any length; it is kept if it fits. */
static void parse_word(const uint8_t *data, size_t n, size_t *at, struct at_request *ret)
{
	size_t begin = *at, i = begin;

	while (i < n && is_letter(data[i]))
		i++;
	if (i > begin && i < n && (data[i] == '?' || data[i] == '!'))
		i++;
	*at = i;
	ret->word_ok = i > begin && i - begin <= REQUEST_MAX_WORD;
	if (!ret->word_ok)
		return;
	for (size_t j = begin; j < i; j++)
		ret->word[j - begin] = to_upper(data[j]);
	ret->word[i - begin] = '\0';
}

void request_parse(uint8_t *data, size_t n, struct at_request *ret)
{
	size_t i = 1, digits;

	ret->word[0] = '\0';
	ret->has_suffix = false;
	ret->suffix = 0;
	ret->param = data + n;
	ret->param_n = 0;
	if (n == 0) {
		/* AT alone (guide 3.6.3) */
		ret->word_ok = true;
		ret->separated = true;
		return;
	}

	/* data[0] is the '+' */
	parse_word(data, n, &i, ret);
	digits = i;
	while (i < n && is_digit(data[i]))
		i++;
	ret->has_suffix = i > digits;
	if (ret->has_suffix)
		(void)!num_parse(data + digits, i - digits, &ret->suffix);
	ret->separated = i == n || data[i] == ' ';
	if (i < n && ret->separated) {
		ret->param = data + i + 1;
		ret->param_n = n - i - 1;
	}
}
