-- The socket to the host, and the shared memory it names. Commands and reports are fixed structures (docs/protocol.md);
-- only memory file descriptors and small texts travel beside them, never records.
local ffi = require "ffi"

ffi.cdef [[
typedef struct {
  uint32_t op; uint32_t pack;
  uint32_t raw_arena; uint32_t raw_offset; uint32_t raw_bytes;
  uint32_t table_arena; uint32_t table_offset; uint32_t table_bytes;
  uint64_t stream; int64_t position; int64_t now_ns;
  uint32_t records; uint32_t first_record; uint32_t flags; uint32_t loop_depth;
} hk_command;

typedef struct {
  uint32_t op; uint32_t pack; uint32_t kind; uint32_t offset; uint32_t bytes; uint32_t count;
  uint32_t received; uint32_t matched; uint32_t failed; uint32_t first_record; uint32_t flags; uint32_t injected;
} hk_report;

struct hk_iovec { void *base; size_t bytes; };
struct hk_msghdr {
  void *name; uint32_t name_bytes; struct hk_iovec *iov; size_t iov_count;
  void *control; size_t control_bytes; int flags;
};
ssize_t recvmsg(int fd, struct hk_msghdr *message, int flags);
ssize_t send(int fd, const void *bytes, size_t n, int flags);
void *mmap(void *at, size_t n, int protection, int flags, int fd, int64_t offset);
int munmap(void *at, size_t n);
int close(int fd);
void _exit(int status);
]]

local C, cast = ffi.C, ffi.cast

local M = {}

-- commands of the host
M.PACK, M.GRANT, M.TICK, M.MAP, M.UNMAP, M.STOP, M.SKIP, M.INIT, M.MODULE = 1, 2, 3, 4, 5, 6, 7, 8, 9
M.SNAPSHOT, M.RESTORE, M.PROBE, M.CALL, M.WATCH = 10, 11, 12, 13, 14
-- reports of the sandbox
M.READY, M.EMIT, M.DONE, M.TICKED, M.PRINT, M.TERMINATED, M.NEED_MODULE, M.FAILURE = 1, 2, 3, 4, 5, 6, 7, 8
M.SNAPSHOT_TAKEN, M.RESTORED, M.COVERED, M.NEEDS, M.ANSWERED = 9, 10, 11, 12, 13
-- what an EMIT carries
M.EMIT_PACK, M.EMIT_BATCH, M.EMIT_DEAD, M.EMIT_STATE = 0, 1, 2, 3
-- flags of a command PACK
M.DELIMITED, M.CAREFUL, M.REBUILD = 1, 2, 4
-- flags of a command TICK
M.LAST, M.REPEATED = 1, 2
-- flags of a report DONE: no record of a pack with these shapes can ever match
M.NEVER = 1

local COMMAND_BYTES, REPORT_BYTES = ffi.sizeof "hk_command", ffi.sizeof "hk_report"
local BUFFER_BYTES = 256 * 1024
local MAX_REPORTS = 64

local EINTR, EAGAIN = 4, 11
local PROT_READ, PROT_WRITE, MAP_SHARED = 1, 2, 1
local MAP_PRIVATE_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, PROT_NONE = 0x22, 0x10, 0x4000, 0

-- Packs come from other processes, which may lie about positions in them. They are not checked one by one: whatever an address and two
-- positions of 32 bits make together lies in the arena, or in the void round it, and whoever touches that dies.
local VOID_BYTES = 8 * 2 ^ 30
-- far from the libraries, near which LuaJIT wants room for its code
local FIRST_VOID, VOID_REGIONS, VOID_REGION_BYTES = 0x100000000000, 80, 2 ^ 40 -- one for each member of a group
local next_void

local socket_fd
local command_ptr = ffi.typeof "hk_command *"
local buffer -- not of the Lua state: it takes only as much memory as the longest datagram so far
local control = ffi.new "uint64_t[8]"
local iov = ffi.new "struct hk_iovec[1]"
local header = ffi.new "struct hk_msghdr"
local reports, report_count = ffi.new("hk_report[?]", MAX_REPORTS), 0

local maps = {} -- arena number -> {base, bytes}
local waiting, first_waiting = {}, 1 -- commands that arrived while a slot was awaited
local grants = {}

M.printed = 0 -- lines that the script has printed since the last command

-- whether a command has a flag
function M.has(command, flag)
  return math.floor(command.flags / flag) % 2 == 1
end

function M.open(fd)
  next_void = FIRST_VOID + fd % VOID_REGIONS * VOID_REGION_BYTES
  socket_fd, buffer = fd, M.memory(BUFFER_BYTES)
  header.iov, header.iov_count = iov, 1
end

-- ---------------------------------------------------------------- sending

local function send_all(bytes, n)
  while C.send(socket_fd, bytes, n, 0) < 0 do
    local e = ffi.errno()
    if e ~= EINTR and e ~= EAGAIN then error("host is gone", 0) end
  end
end

function M.flush_reports()
  if report_count > 0 then
    send_all(reports, report_count * REPORT_BYTES)
    report_count = 0
  end
end

-- answers a zeroed report that goes out with the next flush
function M.report(op, pack)
  if report_count == MAX_REPORTS then M.flush_reports() end
  local r = reports[report_count]
  ffi.fill(r, REPORT_BYTES)
  r.op, r.pack = op, pack
  report_count = report_count + 1
  return r
end

-- a report that is followed by text; texts are cut to what fits into one datagram
function M.text(op, text, pack, first_record)
  M.flush_reports()
  if #text > 60000 then text = text:sub(1, 60000) end
  local bytes = ffi.new("uint8_t[?]", REPORT_BYTES + #text)
  local r = cast("hk_report *", bytes)
  r.op, r.bytes, r.pack, r.first_record = op, #text, pack or 0, first_record or 0
  ffi.copy(bytes + REPORT_BYTES, text, #text)
  send_all(bytes, REPORT_BYTES + #text)
end

-- ---------------------------------------------------------------- receiving

local function received_fd()
  if header.control_bytes < 20 then return nil end
  return cast("int32_t *", control)[4] -- behind the 16 bytes of a cmsghdr
end

local function map_file(fd, bytes, protection)
  local base = C.mmap(nil, bytes, protection, MAP_SHARED, fd, 0)
  if cast("intptr_t", base) == -1 then error("cannot map what the host gave", 0) end
  C.close(fd)
  return cast("uint8_t *", base)
end

local function map_in_void(fd, bytes, protection)
  local whole = bytes + 2 * VOID_BYTES
  local hint = cast("void *", cast("uintptr_t", next_void))
  local void = C.mmap(hint, whole, PROT_NONE, MAP_PRIVATE_ANONYMOUS + MAP_NORESERVE, -1, 0)
  if cast("intptr_t", void) == -1 then error("there is no address space for an arena (is it limited by ulimit -v?)", 0) end
  next_void = FIRST_VOID + (next_void + whole - FIRST_VOID) % (VOID_REGIONS * VOID_REGION_BYTES)
  local base = C.mmap(cast("uint8_t *", void) + VOID_BYTES, bytes, protection, MAP_SHARED + MAP_FIXED, fd, 0)
  if cast("intptr_t", base) == -1 then error("cannot map an arena", 0) end
  C.close(fd)
  return cast("uint8_t *", base)
end

local function map(command, fd)
  local bytes = tonumber(command.position)
  local base = map_in_void(fd, bytes, command.flags == 1 and PROT_READ + PROT_WRITE or PROT_READ)
  maps[command.raw_arena] = { base = base, bytes = bytes }
end

local function unmap(arena)
  local m = maps[arena]
  if m then
    C.munmap(m.base - VOID_BYTES, m.bytes + 2 * VOID_BYTES)
    maps[arena] = nil
  end
end

-- reads one datagram; answers its bytes and length, or nil if the host has closed the socket
local function receive()
  iov[0].base, iov[0].bytes = buffer, BUFFER_BYTES
  header.control, header.control_bytes = control, 64
  while true do
    local n = C.recvmsg(socket_fd, header, 0)
    if n > 0 then return tonumber(n) end
    if n == 0 or (ffi.errno() ~= EINTR and ffi.errno() ~= EAGAIN) then return nil end
  end
end

local function keep(command)
  local copy = ffi.new "hk_command"
  ffi.copy(copy, command, COMMAND_BYTES)
  waiting[#waiting + 1] = copy
end

-- takes one datagram in: maps and grants are obeyed at once, the rest waits its turn
local function take_in(n)
  local first = cast(command_ptr, buffer)
  if first.op == M.MAP then return map(first, received_fd()) end
  if first.op == M.RESTORE then
    local bytes = tonumber(first.position)
    waiting[#waiting + 1] = { op = M.RESTORE, base = map_file(received_fd(), bytes, PROT_READ), bytes = bytes }
    return
  end
  if first.op == M.INIT or first.op == M.MODULE or first.op == M.SKIP or first.op == M.PROBE
    or first.op == M.CALL then
    waiting[#waiting + 1] = {
      op = first.op, flags = first.flags, pack = first.pack, first_record = first.first_record, raw_bytes = 0, now_ns = first.now_ns,
      table_arena = first.table_arena, table_offset = first.table_offset, table_bytes = first.table_bytes,
      text = ffi.string(buffer + COMMAND_BYTES, n - COMMAND_BYTES),
    }
    return
  end
  for at = 0, n - COMMAND_BYTES, COMMAND_BYTES do
    local command = cast(command_ptr, buffer + at)
    if command.op == M.GRANT then
      grants[#grants + 1] = { offset = command.table_offset, bytes = command.table_bytes, arena = command.table_arena }
    elseif command.op == M.UNMAP then
      unmap(command.raw_arena)
    else
      keep(command)
    end
  end
end

-- the next command, in order; nil when the host has gone
function M.next()
  M.flush_reports()
  while not waiting[first_waiting] do
    waiting, first_waiting = {}, 1
    local n = receive()
    if not n then return nil end
    take_in(n)
  end
  local command = waiting[first_waiting]
  waiting[first_waiting], M.printed = false, 0
  first_waiting = first_waiting + 1
  return command
end

-- waits for a command of one kind, out of turn
function M.wait_for(op)
  M.flush_reports()
  local at = first_waiting
  while true do
    while waiting[at] do
      if waiting[at].op == op then return table.remove(waiting, at) end
      at = at + 1
    end
    local n = receive()
    if not n then error("host is gone", 0) end
    take_in(n)
  end
end

-- a slot of this process's own arena to write into: base (uint8_t *), bytes, offset in the arena
function M.slot()
  while #grants == 0 do
    M.flush_reports()
    local n = receive()
    if not n then error("host is gone", 0) end
    take_in(n)
  end
  local g = table.remove(grants)
  return maps[g.arena].base + g.offset, g.bytes, g.offset
end

function M.give_back(offset, bytes, arena)
  grants[#grants + 1] = { offset = offset, bytes = bytes, arena = arena }
end

function M.unmap(base, bytes)
  C.munmap(base, bytes)
end

-- memory of this process's own that is no part of the Lua state, as uint8_t *; never given back
function M.memory(bytes)
  local base = C.mmap(nil, bytes, PROT_READ + PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
  if cast("intptr_t", base) == -1 then error("not enough memory", 0) end
  return cast("uint8_t *", base)
end

-- address of a place in an arena
function M.address(arena, offset, bytes)
  local m = maps[arena]
  if not m then error("arena " .. arena .. " is not mapped", 0) end
  if offset + bytes > m.bytes then error("outside of the arena", 0) end
  return m.base + offset
end

return M
