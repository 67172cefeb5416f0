/* Golden files: what a pure translator makes, compared with a text in the tree, so that a change of
 * the one is a change of the other, to be read with care. */
#pragma once

/* Compares text with tests/unit/golden/<name>. AWF_UPDATE_GOLDEN=1 writes it anew. */
void golden_assert(const char *name, const char *text);
