// Figures as people read them.
#ifndef VREP_CTL_TEXT_H
#define VREP_CTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 48

// "512 bytes", "1.2 GiB".
char *text_bytes(uint64_t bytes, char text[TEXT_SIZE]);

// "45 s", "3 min 20 s", "2 h 5 min".
char *text_duration(uint64_t seconds, char text[TEXT_SIZE]);

// "1st", "2nd", "3rd", "4th".
char *text_ordinal(uint64_t number, char text[TEXT_SIZE]);

// A UTC time of the service in local time; `missing` for NULL or malformed ones.
const char *text_local_time(const char *utc, const char *missing, char text[TEXT_SIZE]);

// Columns that UTF-8 text takes, every character counted as one.
unsigned text_columns(const char *text);

// Members of the service's objects: "" and 0 stand for what is missing, null or of another type.
const char *member_text(const json_t *object, const char *name);
uint64_t member_number(const json_t *object, const char *name);
bool member_is_true(const json_t *object, const char *name);

#endif
