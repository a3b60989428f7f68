#include <ravine/data/zip.hpp>

#include <zlib.h>

#include <algorithm>
#include <new>
#include <string_view>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

// Signatures, and bytes of the records without names and what else varies.
constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                        end64_mark = 0x06064b50, locator_mark = 0x07064b50;
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56, locator_bytes = 20;
constexpr std::uint64_t most16 = 0xffff, most32 = 0xffffffff;  // mean that a ZIP64 record has the number
constexpr std::uint16_t zip64_extra = 1, encrypted = 1, names_in_utf8 = 1 << 11;
constexpr std::uint64_t most_growth = 1032;  // deflate's best

/// Little-endian numbers, one after the other; the caller knows that they are there.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size(); }
  std::string_view take(std::size_t count) {
    const std::string_view part = bytes_.substr(0, count);
    bytes_.remove_prefix(part.size());
    return part;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian(take(2))); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(take(4))); }
  std::uint64_t u64() { return little_endian(take(8)); }

 private:
  std::string_view bytes_;
};

/// An archive's directory, found from its end.
class Directory {
 public:
  explicit Directory(const BinaryFile& archive) : archive_(archive) {}

  std::vector<ZipEntry> entries() {
    find();
    const std::string all = archive_.read(at_, size_);
    Fields fields(all);
    std::vector<ZipEntry> entries;
    while (fields.left() > 0) entries.push_back(entry(fields));
    if (entries.size() != count_) refuse("found ", entries.size(), " files in the directory, expected ", count_);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.header < b.header; });
    std::uint64_t before = 0;
    for (ZipEntry& entry : entries) before = locate(entry, before);
    return entries;
  }

 private:
  template <class... What>
  [[noreturn]] void refuse(const What&... what) const {
    throw data::FormatError(text(archive_.path(), ": ", what...));
  }

  /// Where the record at the end starts, behind which a comment may stand.
  std::uint64_t find_end() const {
    const auto window = static_cast<std::size_t>(std::min<std::uint64_t>(archive_.size(), end_bytes + most16));
    const std::string tail = archive_.read(archive_.size() - window, window);
    for (std::size_t back = end_bytes; back <= window; ++back) {
      Fields end(std::string_view(tail).substr(window - back));
      if (end.u32() == end_mark && (end.take(16), end.u16()) == back - end_bytes) return archive_.size() - back;
    }
    refuse("not an npz file, or cut off: no end of a ZIP directory in its last ", window, " bytes");
  }

  void find() {
    std::uint64_t end_at = find_end();
    const std::string record = archive_.read(end_at, end_bytes);
    Fields end(record);
    end.take(8);
    const std::uint16_t here = end.u16();
    count_ = end.u16();
    size_ = end.u32();
    at_ = end.u32();
    if (here != count_) refuse("an archive in several parts, at byte ", end_at);
    if (count_ == most16 || size_ == most32 || at_ == most32) end_at = find64(end_at);
    if (size_ > end_at || at_ != end_at - size_)
      refuse("found a directory of ", size_, " bytes at byte ", at_, ", expected it to end at byte ", end_at);
  }

  /// The numbers in ZIP64's own record; where that starts.
  std::uint64_t find64(std::uint64_t end_at) {
    const std::uint64_t locator_at = end_at - std::min<std::uint64_t>(end_at, locator_bytes);
    const std::string locator = archive_.read(locator_at, static_cast<std::size_t>(end_at - locator_at));
    Fields where(locator);
    const bool found = where.u32() == locator_mark;
    where.take(4);
    const std::uint64_t at = where.u64();
    if (!found || at > locator_at || locator_at - at < end64_bytes)
      refuse("no ZIP64 directory before byte ", end_at, ", expected one");
    const std::string record = archive_.read(at, end64_bytes);
    Fields end(record);
    if (end.u32() != end64_mark) refuse("no ZIP64 directory at byte ", at, ", expected one");
    end.take(20);
    const std::uint64_t here = end.u64();
    count_ = end.u64();
    size_ = end.u64();
    at_ = end.u64();
    if (here != count_) refuse("an archive in several parts, at byte ", at);
    return at;
  }

  ZipEntry entry(Fields& fields) const {
    const std::uint64_t at = at_ + size_ - fields.left();
    if (fields.left() < central_bytes || fields.u32() != central_mark)
      refuse("no file's entry in the directory at byte ", at);
    ZipEntry entry;
    fields.take(4);  // versions
    const std::uint16_t flags = fields.u16(), method = fields.u16();
    fields.take(4);  // time
    entry.crc = fields.u32();
    entry.stored = fields.u32();
    entry.size = fields.u32();
    const std::size_t name = fields.u16(), extra = fields.u16(), comment = fields.u16();
    fields.take(8);  // part, kinds
    entry.header = fields.u32();
    if (fields.left() < name + extra + comment) refuse("the directory ends in the entry at byte ", at);
    entry.name = fields.take(name);
    add_zip64(entry, Fields(fields.take(extra)));
    fields.take(comment);
    if (flags & encrypted) refuse(entry.name, " is encrypted");
    if (method != 0 && method != Z_DEFLATED)
      refuse(entry.name, " is packed by method ", method, ", expected 0 (stored) or 8 (deflated)");
    entry.deflated = method == Z_DEFLATED;
    return entry;
  }

  /// The numbers that had no room.
  void add_zip64(ZipEntry& entry, Fields extra) const {
    while (extra.left() >= 4) {
      const std::uint16_t id = extra.u16(), bytes = extra.u16();
      Fields values(extra.take(bytes));
      if (id != zip64_extra) continue;
      for (std::uint64_t* number : {&entry.size, &entry.stored, &entry.header}) {
        if (*number != most32) continue;
        if (values.left() < 8) refuse(entry.name, ": its ZIP64 numbers are cut off");
        *number = values.u64();
      }
    }
  }

  /// Finds where a file starts, behind what lies before; where it ends.
  std::uint64_t locate(ZipEntry& entry, std::uint64_t before) const {
    if (entry.header < before)
      refuse(entry.name, ": starts at byte ", entry.header, ", the one before ends at ", before);
    if (entry.header > at_ || at_ - entry.header < local_bytes)
      refuse(entry.name, ": starts at byte ", entry.header, ", the directory at ", at_);
    const std::string record = archive_.read(entry.header, local_bytes);
    Fields local(record);
    if (local.u32() != local_mark) refuse(entry.name, ": no file starts at byte ", entry.header);
    local.take(22);
    const std::uint64_t name = local.u16(), extra = local.u16();
    entry.first = entry.header + local_bytes + name + extra;
    if (entry.first > at_ || entry.stored > at_ - entry.first)
      refuse(entry.name, ": has ", entry.stored, " bytes from byte ", entry.first, " on, the directory starts at ",
             at_);
    if (archive_.read(entry.header + local_bytes, static_cast<std::size_t>(name)) != entry.name)
      refuse(entry.name, ": has another name at byte ", entry.header);
    const bool grows_too_much = entry.size > 0 && (entry.size - 1) / most_growth >= entry.stored;
    if (entry.deflated ? grows_too_much : entry.size != entry.stored)
      refuse(entry.name, ": ", entry.stored, " bytes cannot hold ", entry.size);
    return entry.first + entry.stored;
  }

  const BinaryFile& archive_;
  std::uint64_t count_ = 0, size_ = 0, at_ = 0;
};

void add(std::string& record, std::uint64_t value, std::size_t bytes) {
  for (; bytes > 0; --bytes, value >>= 8) record += static_cast<char>(value & 255);
}
/// A number of 4 bytes if they hold it; else they say that it is in `large`.
void add_small(std::string& record, std::uint64_t value, std::string& large) {
  add(record, std::min(value, most32), 4);
  if (value >= most32) add(large, value, 8);
}

/// What a file's header and its entry in the directory have in common, from the version that can read it to its sizes.
std::string common_fields(const ZipEntry& entry, std::string& large) {
  std::string record;
  const bool plain = std::all_of(entry.name.begin(), entry.name.end(), [](char c) { return c > 0; });
  add(record, 45, 2);
  add(record, plain ? 0 : names_in_utf8, 2);
  add(record, 0, 2);           // stored
  add(record, 0x00210000, 4);  // the first of January 1980: the same arrays make the same file
  add(record, entry.crc, 4);
  add_small(record, entry.stored, large);
  add_small(record, entry.size, large);
  add(record, entry.name.size(), 2);
  return record;
}

std::string zip64_record(const std::string& large) {
  std::string record;
  if (large.empty()) return record;
  add(record, zip64_extra, 2);
  add(record, large.size(), 2);
  return record + large;
}

std::string directory_end(std::uint64_t count, std::uint64_t size, std::uint64_t at) {
  std::string record;
  if (count >= most16 || size >= most32 || at >= most32) {
    add(record, end64_mark, 4);
    add(record, end64_bytes - 12, 8);  // that follow
    add(record, 45 << 16 | 45, 4);
    add(record, 0, 8);  // one part
    for (const std::uint64_t number : {count, count, size, at}) add(record, number, 8);
    add(record, locator_mark, 4);
    add(record, 0, 4);
    add(record, at + size, 8);
    add(record, 1, 4);
  }
  add(record, end_mark, 4);
  add(record, 0, 4);
  for (int i = 0; i < 2; ++i) add(record, std::min(count, most16), 2);
  add(record, std::min(size, most32), 4);
  add(record, std::min(at, most32), 4);
  add(record, 0, 2);  // no comment
  return record;
}

}  // namespace

std::vector<ZipEntry> zip_entries(const BinaryFile& archive) { return Directory(archive).entries(); }

void ZipReader::EndInflate::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

ZipReader::ZipReader(const BinaryFile& archive, const ZipEntry& entry) : archive_(archive), entry_(entry) {
  if (!entry.deflated) return;
  auto stream = std::make_unique<z_stream>();
  if (inflateInit2(stream.get(), -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  stream_.reset(stream.release());
  packed_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(entry.stored, 1 << 17)));
}

template <class... What>
void ZipReader::refuse(const What&... what) const {
  throw data::FormatError(text(archive_.path(), ": ", entry_.name, ": ", what...));
}

void ZipReader::read(void* to, std::size_t count) {
  auto* place = static_cast<unsigned char*>(to);
  if (!stream_) {
    archive_.read(entry_.first + at_, place, count);
    at_ += count;
  } else if (!inflate(place, count)) {
    refuse("its packed bytes hold fewer than ", entry_.size);
  }
  crc_ = crc32_z(crc_, place, count);
}

/// Fills [to, to + count); false if the stream has fewer bytes.
bool ZipReader::inflate(unsigned char* to, std::size_t count) {
  while (count > 0) {
    if (stream_->avail_in == 0) {
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(packed_.size(), entry_.stored - at_));
      archive_.read(entry_.first + at_, packed_.data(), piece);
      at_ += piece;
      stream_->next_in = packed_.data();
      stream_->avail_in = static_cast<uInt>(piece);
    }
    const auto part = static_cast<uInt>(std::min(count, std::size_t{1} << 30));
    stream_->next_out = to;
    stream_->avail_out = part;
    const int state = ::inflate(stream_.get(), Z_NO_FLUSH);
    const std::size_t made = part - stream_->avail_out;
    to += made;
    count -= made;
    if (state == Z_MEM_ERROR) throw std::bad_alloc();
    if (state == Z_STREAM_END || (state == Z_BUF_ERROR && at_ == entry_.stored)) return count == 0;
    if (state != Z_OK) refuse("its packed bytes are damaged");
  }
  return true;
}

void ZipReader::check_end() {
  unsigned char more = 0;
  if (stream_ && inflate(&more, 1)) refuse("its packed bytes hold more than ", entry_.size);
  if (crc_ != entry_.crc) refuse("it is damaged: its checksum is ", crc_, ", expected ", entry_.crc);
}

std::string zip_header(const ZipEntry& entry) {
  std::string large, record;
  add(record, local_mark, 4);
  record += common_fields(entry, large);
  const std::string extra = zip64_record(large);
  add(record, extra.size(), 2);
  return record + entry.name + extra;
}

std::string zip_directory(const std::vector<ZipEntry>& entries, std::uint64_t at) {
  std::string directory;
  for (const ZipEntry& entry : entries) {
    std::string large;
    add(directory, central_mark, 4);
    add(directory, 45, 2);  // the version that wrote it
    directory += common_fields(entry, large);
    std::string rest;
    add(rest, 0, 2 + 2 + 2 + 4);  // no comment, one part, no kinds
    add_small(rest, entry.header, large);
    const std::string extra = zip64_record(large);
    add(directory, extra.size(), 2);
    directory += rest + entry.name + extra;
  }
  return directory + directory_end(entries.size(), directory.size(), at);
}

}  // namespace ravine::detail
