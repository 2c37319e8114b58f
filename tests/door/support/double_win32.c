#include "tests/door/support/backend.h"

#include "tests/virtdisk/double.h"

unsigned door_backend_leaks(void)
{
    return double_broken_rules() + double_open_handles();
}
