// Windows' numbers of languages.
#ifndef VREP_ETW_COMPILE_LANGUAGE_H
#define VREP_ETW_COMPILE_LANGUAGE_H

#include <stdint.h>

#define LANGUAGE_EN_US 0x0409

// The LANGID of a culture such as "en-US", in any case; 0: not known.
uint16_t language_id(const char *culture);

#endif
