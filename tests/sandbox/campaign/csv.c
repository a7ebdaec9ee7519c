#include "campaign/csv.h"

#include <string.h>

#define BLOCK ((size_t)1024 * 1024)

static void flush(struct sandbox_csv *csv)
{
    const struct sandbox_buf *block = &csv->block;

    if (!block->length)
        return;
    if (block->failed)
        csv->failed = true;
    else if (csv->gz)
        csv->failed |= gzwrite(csv->gz, block->data, (unsigned)block->length) != (int)block->length;
    else
        csv->failed |= fwrite(block->data, 1, block->length, csv->file) != block->length;
    sandbox_buf_clear(&csv->block);
}

bool sandbox_csv_open(struct sandbox_csv *csv, const char *path,
                      const struct sandbox_csv_format *format)
{
    *csv = (struct sandbox_csv){.format = *format, .converter = (iconv_t)-1};
    if (format->encoding) {
        csv->converter = iconv_open(format->encoding, "UTF-8");
        if (csv->converter == (iconv_t)-1)
            return false;
    }
    if (format->gzip)
        csv->gz = gzopen(path, "wb1");
    else
        csv->file = fopen(path, "wb");
    if (format->bom)
        sandbox_buf_adds(&csv->block, "\xef\xbb\xbf");
    csv->bytes = csv->block.length;
    csv->lines = 1;
    return csv->gz || csv->file;
}

bool sandbox_csv_close(struct sandbox_csv *csv)
{
    bool opened = csv->gz || csv->file;

    if (opened)
        flush(csv);
    if (csv->gz)
        csv->failed |= gzclose(csv->gz) != Z_OK;
    if (csv->file)
        csv->failed |= fclose(csv->file) != 0;
    if (csv->converter != (iconv_t)-1)
        iconv_close(csv->converter);
    sandbox_buf_done(&csv->row);
    sandbox_buf_done(&csv->block);
    return opened && !csv->failed;
}

static void separate(struct sandbox_csv *csv)
{
    if (csv->begun)
        sandbox_buf_addc(&csv->row, csv->format.delimiter);
    else
        csv->row_line = csv->lines;
    csv->begun = true;
}

static void add_bare(struct sandbox_csv *csv, const char *text)
{
    for (; *text; text++)
        sandbox_buf_addc(&csv->row, *text == csv->format.delimiter || *text == '\n' ? ' ' : *text);
}

void sandbox_csv_text(struct sandbox_csv *csv, const char *text)
{
    const char special[] = {csv->format.delimiter, '\n', '\r', csv->format.quote, '\0'};

    separate(csv);
    if (!csv->format.quote) {
        add_bare(csv, text);
        return;
    }
    size_t plain = strcspn(text, special);
    if (!text[plain]) {
        sandbox_buf_add(&csv->row, text, plain);
        return;
    }
    sandbox_buf_addc(&csv->row, csv->format.quote);
    for (; *text; text++) {
        if (*text == csv->format.quote)
            sandbox_buf_addc(&csv->row, *text);
        csv->lines += *text == '\n';
        sandbox_buf_addc(&csv->row, *text);
    }
    sandbox_buf_addc(&csv->row, csv->format.quote);
}

void sandbox_csv_number(struct sandbox_csv *csv, uint64_t number)
{
    separate(csv);
    sandbox_buf_addu(&csv->row, number);
}

/* Every character of the generator's texts is in each of the encodings. */
static void convert(struct sandbox_csv *csv)
{
    struct sandbox_buf *block = &csv->block;
    char *from = csv->row.data;
    size_t left = csv->row.length;

    if (!sandbox_buf_reserve(block, left))
        return;
    char *to = block->data + block->length;
    size_t space = left;
    csv->failed |= iconv(csv->converter, &from, &left, &to, &space) == (size_t)-1;
    block->length = (size_t)(to - block->data);
    block->data[block->length] = '\0';
}

size_t sandbox_csv_end_row(struct sandbox_csv *csv)
{
    size_t before = csv->block.length;

    sandbox_buf_adds(&csv->row, csv->format.crlf ? "\r\n" : "\n");
    if (csv->converter == (iconv_t)-1)
        sandbox_buf_add(&csv->block, csv->row.data, csv->row.length);
    else
        convert(csv);
    sandbox_buf_clear(&csv->row);
    csv->bytes += csv->block.length - before;
    csv->begun = false;
    csv->rows++;
    csv->lines++;
    if (csv->block.length > BLOCK)
        flush(csv);
    return csv->row_line;
}
