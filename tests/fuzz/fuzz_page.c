/* A page as a server may send it, cut into pieces anywhere. The same bytes in one piece must give
 * the same records. */
#include "fuzz_target.h"

#include "producers/page.h"

#include <stdlib.h>

struct seen {
    size_t records;
    size_t rejects;
};

static enum ferry_status on_record(void *context, struct ferry_change *change)
{
    struct seen *seen = context;
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_buffer_init(&out, 1 << 20);
    seen->records++;
    if (ferry_change_encode(change, NULL, &out, &error) == FERRY_NOMEM)
        abort();
    ferry_buffer_done(&out);
    return FERRY_OK;
}

static enum ferry_status on_reject(void *context, const struct ferry_page_reject *reject)
{
    struct seen *seen = context;
    seen->rejects++;
    return reject->reason ? FERRY_OK : FERRY_FATAL;
}

static enum ferry_status parse(const uint8_t *data, size_t size, size_t piece, struct seen *seen)
{
    static const struct ferry_row_column columns[] = {
        {.name = "firstname", .number = FERRY_ROW_DIGITS},
        {.name = "annualincome", .number = FERRY_ROW_DIGITS},
        {.name = "numberofchildren", .number = FERRY_ROW_INTEGER},
        {.name = "address1_latitude", .number = FERRY_ROW_DOUBLE},
    };
    const struct ferry_page_options options = {
        .primary_id = "contactid",
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .on_record = on_record,
        .on_reject = on_reject,
        .context = seen,
    };
    struct ferry_page *page = NULL;
    struct ferry_error error;
    if (ferry_page_new(&options, &page) != FERRY_OK)
        abort();
    enum ferry_status status = FERRY_OK;
    for (size_t at = 0; at < size && status == FERRY_OK; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        status = ferry_page_feed(page, (const char *)data + at, length, &error);
    }
    if (status == FERRY_OK)
        status = ferry_page_end(page, &error);
    ferry_page_free(page);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0, 0};
    struct seen pieces = {0, 0};
    if (size < 2)
        return 0;
    size_t piece = 1 + (size_t)data[0] % 64;
    enum ferry_status first = parse(data + 1, size - 1, size, &whole);
    enum ferry_status second = parse(data + 1, size - 1, piece, &pieces);
    if (first != second || whole.records != pieces.records || whole.rejects != pieces.rejects)
        abort();
    return 0;
}
