// Datagrams from the kernel: acknowledgements and dumps.
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "fuzz/fuzz.h"
#include "netlink/answer.h"
#include "netlink/codec.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const netlink::bytes_view datagram(data, size);
  netlink::messages list(datagram);
  const auto first = list.next();
  const std::uint32_t sequence = first ? first->sequence : 0;
  std::size_t taken = 0;
  netlink::dump_decoder decoder;
  const auto take = [&](const netlink::message& each) -> result<> {
    fuzz::hold(each.payload.size() + sizeof(nlmsghdr) <= size, "a message is within its datagram");
    ++taken;
    return decoder.add(each.payload);
  };
  const auto answer = netlink::read_answer(datagram, sequence, take);
  if (answer && *answer && !(*answer)->done()) {
    fuzz::hold(!(*answer)->text.empty(), "an error has words");
  }
  fuzz::hold(taken <= size / sizeof(nlmsghdr), "no more messages than bytes");
  netlink::dump_reader reader(sequence);
  (void)reader.add(datagram, take);
  reader.lose();
  const auto after = reader.add(datagram, take);
  fuzz::hold(!after || after->lossy, "what was lost stays lost");
  (void)decoder.take_whole();
  (void)decoder.take();
  return 0;
}
