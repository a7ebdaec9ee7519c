/* The documents of a controller, for one test. */
#ifndef FERRY_TEST_DOCUMENTS_H
#define FERRY_TEST_DOCUMENTS_H

#include "controller/documents.h"
#include "tests/unit/cmocka_all.h"

static struct ferry_documents *documents;

static inline int open_documents(void **state)
{
    (void)state;
    documents = ferry_documents_new();
    return documents ? 0 : -1;
}

static inline int close_documents(void **state)
{
    (void)state;
    ferry_documents_free(documents);
    return 0;
}

#endif
