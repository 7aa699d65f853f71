// SPDX-License-Identifier: Apache-2.0
#include "tile.h"

// Reads one LEB128 length of at most 32 bits. A last byte of 0 after others would be a second
// spelling of the same number: there is only one valid payload for given symbols.
static mll_status length_read(uint32_t *length, const uint8_t **next, const uint8_t *end)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 35; shift += 7) {
        if (*next == end)
            return MLL_TRUNCATED;
        uint8_t byte = *(*next)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *length = (uint32_t)value;
            return (byte == 0 && shift > 0) || value > UINT32_MAX ? MLL_CORRUPT : MLL_OK;
        }
    }
    return MLL_CORRUPT;
}

mll_status mll_payload_split(const uint8_t **next, const uint8_t **end, uint32_t n_streams,
                             const uint8_t *payload, size_t payload_bytes)
{
    const uint8_t *at = payload, *payload_end = payload + payload_bytes;
    uint32_t length[MLL_MAX_STREAMS];
    if (n_streams == 0 || n_streams > MLL_MAX_STREAMS)
        return MLL_ARGUMENT;
    for (uint32_t i = 0; i < n_streams; i++) {
        mll_status status = length_read(&length[i], &at, payload_end);
        if (status != MLL_OK)
            return status;
    }
    for (uint32_t i = 0; i < n_streams; i++) {
        if ((size_t)(payload_end - at) < length[i])
            return MLL_TRUNCATED;
        next[i] = at;
        at += length[i];
        end[i] = at;
    }
    return at == payload_end ? MLL_OK : MLL_CORRUPT;
}

size_t mll_length_write(uint8_t *output, uint32_t length)
{
    size_t n = 0;
    while (length >= 128) {
        output[n++] = (uint8_t)(length | 128);
        length >>= 7;
    }
    output[n++] = (uint8_t)length;
    return n;
}
