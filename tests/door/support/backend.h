// What is left of a backend's work when it should be over. Not for the tests themselves.
#ifndef VREP_TESTS_DOOR_SUPPORT_BACKEND_H
#define VREP_TESTS_DOOR_SUPPORT_BACKEND_H

// Broken rules of virtdisk's and handles that are still open; 0 without virtdisk.
unsigned door_backend_leaks(void);

#endif
