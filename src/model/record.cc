#include "model/record.h"

namespace peerage {
namespace {

struct key_maker {
  record_key operator()(const network& value) const { return value.name; }
  record_key operator()(const gateway& value) const { return value.name; }
  record_key operator()(const peer& value) const { return value.id; }
  record_key operator()(const token& value) const { return value.id; }
  record_key operator()(const mark& value) const { return mark_name{value.name}; }
};

}  // namespace

record_key key_of(const record& value) {
  return std::visit(key_maker{}, value);
}

}  // namespace peerage
