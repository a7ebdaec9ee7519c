/* cmocka wants these before itself, in this order. */
#ifndef FERRY_CMOCKA_ALL_H
#define FERRY_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
