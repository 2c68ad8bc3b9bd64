#include "wire/audit.h"

#include <gtest/gtest.h>

#include <string>

namespace peerage::wire {
namespace {

audit_entry sample() {
  audit_entry made;
  made.at = wall_time{seconds{1'700'000'000}};
  made.process = "api-1";
  made.token = *token_id::parse("t1");
  made.remote = "2001:db8::7";
  made.call = "PUT /v1/networks/{network}/peers/{name}";
  made.did = deed::rekeyed;
  made.status = 200;
  made.network = "acme";
  made.peer = "ci-1";
  made.gateway = "gw-1";
  made.public_key = "a \"key\"\n";
  return made;
}

TEST(audit_line, reads_as_it_was_written) {
  audit_entry one = sample();
  const std::string line = write(one);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find("made_token"), std::string::npos);
  EXPECT_EQ(read_audit_entry(line), one);
  for (const deed each :
       {deed::refused, deed::unknown, deed::created, deed::changed, deed::rekeyed, deed::removed}) {
    one.did = each;
    EXPECT_EQ(read_audit_entry(write(one)), one);
  }
  EXPECT_TRUE(read_audit_entry(line.substr(0, line.size() - 1) + ",\"later\":1}"));
}

TEST(audit_line, what_is_none_is_corrupt) {
  const std::string line = write(sample());
  for (std::size_t size = 0; size < line.size(); ++size) {
    EXPECT_EQ(read_audit_entry(line.substr(0, size)).error().code, errc::corrupt) << size;
  }
  for (const char* member : {"\"at\"", "\"token\"", "\"did\"", "\"status\""}) {
    std::string without = line;
    without.replace(without.find(member), 2, "\"x");
    EXPECT_FALSE(read_audit_entry(without)) << member;
  }
  std::string odd = line;
  odd.replace(odd.find("rekeyed"), 7, "stolen!");
  EXPECT_FALSE(read_audit_entry(odd));
}

}  // namespace
}  // namespace peerage::wire
