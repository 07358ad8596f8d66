-- The pack's layout as the kernel sees it: the structures and constants of docs/pack-layout.md.
-- Whatever changes here changes there and in host/packs/protocol.py.
local ffi = require "ffi"

ffi.cdef [[
typedef struct {
  uint32_t magic; uint16_t version; uint16_t flags;
  uint32_t size; uint32_t record_count;
  uint32_t records_start; uint32_t records_end;
  uint32_t shapes_start; uint32_t shapes_bytes;
  uint32_t shape_count; uint32_t heap_start;
  uint32_t raw_bytes; uint32_t loop_depth;
  uint64_t stream; int64_t position;
  uint64_t reserved;
} hk_pack;

typedef struct {
  uint16_t words; uint16_t shape; uint32_t flags;
  int64_t timestamp;
  uint32_t raw_start; uint32_t raw_end;
} hk_record;

typedef union {
  struct { uint32_t from; uint32_t to; };
  int64_t integer; double number; uint64_t bits;
} hk_slot;

void *memchr(const void *s, int c, size_t n);
void *memrchr(const void *s, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
]]

local M = {}

M.MAGIC = 0x31504b48 -- "HKP1"
M.VERSION = 1
M.PACK_BYTES = ffi.sizeof "hk_pack"
M.RECORD_BYTES = ffi.sizeof "hk_record"
M.SLOT_BYTES = 8

-- a slot of an OPTIONAL column that the record lacks
M.ABSENT = 0xffffffffffffffffULL
M.ABSENT_INTEGER = 0x8000000000000000ULL -- of the kind INTEGER, where all ones are -1

-- kinds of columns: how the eight bytes of a slot are to be read
M.STRING = 1 -- positions of the bytes of a string
M.BYTES = 2
M.INTEGER_TEXT = 3 -- positions of decimal digits, maybe with a sign
M.DOUBLE_TEXT = 4
M.BOOL_TEXT = 5 -- positions of "true" or "false"
M.JSON_STRING = 6 -- positions of what stands between the quotes of a JSON string, escapes and all
M.INTEGER = 7 -- the slot is an int64
M.DOUBLE = 8 -- the slot is a double
M.BOOL = 9 -- the slot is the integer 0 or 1
M.ARRAY = 10 -- positions of an array block in the heap
M.JSON_VALUE = 11 -- positions of a JSON array or object, kept as it was written
M.CONST = 12 -- a string that all records of the shape share; it stands in the shape, there is no slot

-- pack flags
M.LINES = 1 -- the records are lines: in the raw bytes of none is a line feed

-- column flags
M.IN_HEAP = 1 -- positions count from the start of the pack, not of the raw bytes
M.HEADER = 2 -- the column is a message header (Payload, Hostname, ...), not one of the Fields
M.OPTIONAL = 4 -- a record of this shape may lack it; only then is the slot to be compared with its absent value

-- shape flags
M.PAYLOAD_IS_RECORD = 1 -- Payload is the record as it was received

-- record flags
M.FAILED = 1 -- no decoder accepted the record

M.pack_ptr = ffi.typeof "hk_pack *"
M.record_ptr = ffi.typeof "hk_record *"
M.slot_ptr = ffi.typeof "hk_slot *"
M.bytes_ptr = ffi.typeof "uint8_t *"
M.u32_ptr = ffi.typeof "uint32_t *"
M.u64_ptr = ffi.typeof "uint64_t *"

return M
