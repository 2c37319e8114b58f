// Makes a service on virtdisk's double end when it breaks a rule: nobody reads what it would print.
#include "tests/virtdisk/double.h"

static void __attribute__((constructor)) be_strict(void)
{
    double_abort_when_broken();
}
