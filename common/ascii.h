/* ASCII, whatever the locale. */
#pragma once

/* Makes the letters A to Z of the text lower case, in place. */
void ascii_lower(char *text);
