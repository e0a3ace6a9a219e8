/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "at/request.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *line = malloc(n ? n : 1);
	struct at_request request;
	size_t word_n;

	memcpy(line, data, n);
	memset(&request, 0xa5, sizeof(request));
	request_parse(line, n, &request);

	word_n = strnlen(request.word, sizeof(request.word));
	FUZZ_HOLDS(word_n <= REQUEST_MAX_WORD);
	for (size_t i = 0; i < word_n; i++)
		FUZZ_HOLDS(request.word[i] < 'a' || request.word[i] > 'z');
	FUZZ_HOLDS(request.has_suffix || request.suffix == 0 || !request.word_ok);
	if (request.param_n > 0)
		FUZZ_HOLDS(request.param >= line && request.param + request.param_n == line + n);
	free(line);
	return 0;
}
