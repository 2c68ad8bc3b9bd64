#include "natsbus/connection.h"

#include <nats/nats.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/url.h"
#include "natsbus/options.h"
#include "natsbus/seal.h"

namespace peerage::nats {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

namespace {

// A server that goes away is noticed when so many words of ours did not come back. Counted in
// words, not in time: a loop that was held up itself has not sent them.
constexpr auto word_every = 1s;
constexpr unsigned most_unanswered = 3;
// cnats frees a message on a thread of its own: each costs a wake-up there, so they go together.
constexpr std::size_t most_spent = 64;

struct destroy {
  void operator()(natsConnection* it) const { natsConnection_Destroy(it); }
  void operator()(natsSubscription* it) const { natsSubscription_Destroy(it); }
  void operator()(natsMsg* it) const { natsMsg_Destroy(it); }
  void operator()(natsInbox* it) const { natsInbox_Destroy(it); }
};
template <class T>
using owned = std::unique_ptr<T, destroy>;

}  // namespace

struct connection::subscription {
  owned<natsSubscription> it;
  handler hear;
  bool ended = false;
};

// What cnats' hooks and the loop share. The hooks may be called from other threads, while the
// connection is being made; they only post.
struct connection::state : std::enable_shared_from_this<state> {
  explicit state(asio::any_io_executor on)
      : loop(std::move(on)), socket(loop), alive(loop), told(loop) {}
  ~state() {
    if (copy >= 0) ::close(copy);
  }

  void start(std::function<void()> when_lost);
  void close();
  void fail_later();
  void wait_readable();
  void read();
  void write();
  void drain();
  void drain(subscription& from);
  void watch();
  void end(owned<natsMsg> message);
  void hear_refusal(const std::string& said);
  bool all_told() const;
  bool connected() const {
    return open && natsConnection_Status(nc.get()) == NATS_CONN_STATUS_CONNECTED;
  }

  asio::any_io_executor loop;
  owned<natsConnection> nc;
  int copy = -1;  // of cnats' socket: it closes its own when it likes, and the loop's must stay
  asio::posix::stream_descriptor socket;
  asio::steady_timer alive;
  unsigned unanswered = 0;  // words to ourselves, in a row
  std::list<std::shared_ptr<subscription>> subscriptions;
  std::function<void()> lost;
  std::function<void(const refusal&)> refused;
  std::optional<refusal_post> refusals;  // before the connection is made, to its end
  std::string last_refusal;              // in the server's words
  bool deaf = false;                     // the server does not permit our inbox
  std::string settling;                  // the inbox that settle() waits for
  bool settled = false;
  signal told;
  std::string inboxes;  // what every inbox begins with
  std::string inbox;
  std::vector<owned<natsMsg>> spent;
  std::atomic<bool> open = false;
  bool writing = false;
  bool draining = false;
};

namespace {

using shared_state = std::shared_ptr<connection::state>;

// cnats' event-loop hooks (natsOptions_SetEventLoop). Its user data is a reference of its own to
// the state, from attach to detach.
natsStatus attach(void** user, void* loop, natsConnection*, natsSock socket) {
  auto& shared = *static_cast<shared_state*>(loop);
  shared->copy = ::dup(static_cast<int>(socket));
  if (shared->copy < 0) return NATS_SYS_ERROR;
  *user = new shared_state(shared);
  return NATS_OK;
}

natsStatus read_hook(void*, bool) {
  return NATS_OK;  // the loop always reads
}

natsStatus write_hook(void* user, bool add) {
  if (!add) return NATS_OK;
  // Not at once: what else is published in this turn of the loop goes out with the same write.
  asio::post((*static_cast<shared_state*>(user))->loop,
             [shared = *static_cast<shared_state*>(user)] { shared->write(); });
  return NATS_OK;
}

natsStatus detach(void* user) {
  const std::unique_ptr<shared_state> mine(static_cast<shared_state*>(user));
  (*mine)->fail_later();
  return NATS_OK;
}

}  // namespace

void connection::state::start(std::function<void()> when_lost) {
  lost = std::move(when_lost);
  socket.assign(std::exchange(copy, -1));
  open = true;
  wait_readable();
  watch();
}

void connection::state::close() {
  if (!nc || natsConnection_IsClosed(nc.get())) open = false;
  // cnats would wait for an answer to a last ping if anything were unsent.
  if (open) natsConnection_ProcessWriteEvent(nc.get());
  open = false;
  lost = nullptr;
  refused = nullptr;
  refusals.reset();
  told.notify();
  alive.cancel();
  socket.close();
  for (const auto& each : subscriptions) each->ended = true;
  // Before the subscriptions go: each would have one more thing to send.
  if (nc) natsConnection_Close(nc.get());
  if (!draining) subscriptions.clear();
}

void connection::state::fail_later() {
  if (!open) return;
  asio::post(loop, [self = shared_from_this()] {
    if (!self->open) return;
    const auto tell = std::move(self->lost);
    self->close();
    if (tell) tell();
  });
}

void connection::state::wait_readable() {
  socket.async_wait(asio::posix::descriptor_base::wait_read,
                    [self = shared_from_this()](boost::system::error_code failed) {
                      if (!failed && self->open) self->read();
                    });
}

void connection::state::read() {
  natsConnection_ProcessReadEvent(nc.get());
  drain();
  if (connected()) wait_readable();
}

void connection::state::write() {
  if (!open || writing) return;
  natsConnection_ProcessWriteEvent(nc.get());
  if (!connected() || natsConnection_Buffered(nc.get()) <= 0) return;
  writing = true;
  socket.async_wait(asio::posix::descriptor_base::wait_write,
                    [self = shared_from_this()](boost::system::error_code failed) {
                      self->writing = false;
                      if (!failed) self->write();
                    });
}

void connection::state::drain() {
  draining = true;
  // A handler may subscribe and unsubscribe; what ends meanwhile is taken out afterwards.
  for (const auto& each : subscriptions) drain(*each);
  draining = false;
  std::erase_if(subscriptions, [](const auto& each) { return each->ended; });
}

void connection::state::drain(subscription& from) {
  std::uint64_t waiting = 0;
  while (!from.ended && natsSubscription_QueuedMsgs(from.it.get(), &waiting) == NATS_OK &&
         waiting > 0) {
    natsMsg* raw = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&raw, from.it.get(), 0);
    owned<natsMsg> taken(raw);
    message heard;
    if (status == NATS_NO_RESPONDERS) {
      heard.nobody = true;
    } else if (status == NATS_OK) {
      heard.subject = natsMsg_GetSubject(raw);
      if (const char* reply = natsMsg_GetReply(raw)) heard.reply = reply;
      const char* seal = nullptr;
      if (natsMsgHeader_Get(raw, seal_header, &seal) == NATS_OK && seal != nullptr) {
        heard.seal = seal;
      }
      heard.payload = {natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))};
    } else {
      // Too slow: cnats has dropped some, and says so once.
      if (status == NATS_SLOW_CONSUMER) continue;
      return;
    }
    from.hear(heard);
    end(std::move(taken));
  }
}

void connection::state::end(owned<natsMsg> message) {
  spent.push_back(std::move(message));
  if (spent.size() >= most_spent) spent.clear();
}

void connection::state::hear_refusal(const std::string& said) {
  last_refusal = said;
  auto what = read_violation(said);
  if (what && what->subject == settling) settled = true;
  if (what && what->subject.starts_with(inboxes + ".")) {
    deaf = true;
    what->subject = inboxes + ".>";  // each inbox is another; the server refuses them all
  }
  if (what && refused) refused(*what);
  told.notify();
}

/// cnats knows of a refusal before its own thread tells us.
bool connection::state::all_told() const {
  const char* said = nullptr;
  const natsStatus last = natsConnection_GetLastError(nc.get(), &said);
  return last != NATS_NOT_PERMITTED || said == nullptr || last_refusal == said;
}

// A word to ourselves through the server, now and then.
void connection::state::watch() {
  alive.expires_after(word_every);
  alive.async_wait([self = shared_from_this()](boost::system::error_code failed) {
    if (failed || !self->open) return;
    if (self->unanswered >= most_unanswered && !self->deaf) {
      self->fail_later();
      return;
    }
    ++self->unanswered;
    self->spent.clear();
    natsConnection_Publish(self->nc.get(), self->inbox.c_str(), nullptr, 0);
    self->watch();
  });
}

connection::connection(std::shared_ptr<state> made) : state_(std::move(made)) {}

connection::~connection() {
  close();
}

void connection::start(std::function<void()> lost, std::function<void(const refusal&)> refused) {
  state_->refused = std::move(refused);
  state_->start(std::move(lost));
  state_->inbox = new_inbox();
  // By the raw pointer: the state owns the subscription.
  const auto mine =
      subscribe(state_->inbox, [it = state_.get()](const message&) { it->unanswered = 0; });
}

void connection::close() {
  state_->close();
}

bool connection::open() const {
  return state_->connected();
}

std::shared_ptr<connection::subscription> connection::subscribe(const std::string& subject,
                                                                handler hear) {
  if (!open()) return {};
  natsSubscription* raw = nullptr;
  if (natsConnection_SubscribeSync(&raw, state_->nc.get(), subject.c_str()) != NATS_OK) return {};
  auto made = std::make_shared<subscription>();
  made->it.reset(raw);
  made->hear = std::move(hear);
  state_->subscriptions.push_back(made);
  return made;
}

void connection::unsubscribe(const std::shared_ptr<subscription>& ended) {
  if (!ended || ended->ended) return;
  ended->ended = true;
  natsSubscription_Unsubscribe(ended->it.get());
  if (!state_->draining) state_->subscriptions.remove(ended);
}

result<> connection::publish(const std::string& subject, const std::string& reply,
                             std::string_view payload, const std::string& seal) {
  if (!open()) return fail(errc::unavailable, "there is no connection to NATS");
  natsConnection* to = state_->nc.get();
  const auto most = std::min<std::size_t>(
      most_payload,
      static_cast<std::size_t>(std::max<std::int64_t>(0, natsConnection_GetMaxPayload(to))));
  if (payload.size() > most) {
    return fail(errc::invalid, "a message of " + std::to_string(payload.size()) +
                                   " bytes is more than the " + std::to_string(most) +
                                   " that go over NATS");
  }
  const int unsent = natsConnection_Buffered(to);
  if (unsent > 0 && static_cast<std::size_t>(unsent) + payload.size() > most_unsent) {
    return fail(errc::unavailable, "the connection to NATS is stuck: " + std::to_string(unsent) +
                                       " bytes wait to be sent");
  }
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(&raw, subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                                     payload.data(), static_cast<int>(payload.size()));
  owned<natsMsg> made(raw);
  if (status == NATS_OK && !seal.empty()) {
    status = natsMsgHeader_Set(raw, seal_header, seal.c_str());
  }
  if (status == NATS_OK) status = natsConnection_PublishMsg(to, raw);
  state_->end(std::move(made));
  if (status == NATS_OK) return {};
  return fail(errc::unavailable,
              std::string("NATS did not take the message: ") + natsStatus_GetText(status));
}

void connection::attempt(const needed_subjects& needed) {
  for (const std::string& each : needed.hear) {
    unsubscribe(subscribe(each, [](const message&) {}));
  }
  // One that is lost goes with its connection.
  for (const std::string& each : needed.say) static_cast<void>(publish(each, {}, {}));
}

task<result<>> connection::settle(clock& time, steady_time deadline) {
  const auto held = state_;
  held->settling = new_inbox();
  held->settled = false;
  const auto mark = subscribe(held->settling, [it = held.get()](const message&) {
    it->settled = true;
    it->told.notify();
  });
  static_cast<void>(publish(held->settling, {}, {}));
  while (held->connected() && !(held->settled && held->all_told()) && time.steady() < deadline) {
    co_await (held->told.wait() || time.wait_until(deadline));
  }
  if (!held->settled) co_return fail(errc::unavailable, "NATS did not answer what was tried");
  unsubscribe(mark);
  co_return result<>{};
}

std::string connection::server() const {
  std::array<char, 512> url{};
  if (natsConnection_GetConnectedUrl(state_->nc.get(), url.data(), url.size()) != NATS_OK)
    return {};
  return without_user(url.data());
}

std::string connection::new_inbox() const {
  return state_->inboxes + "." + new_token();
}

std::string new_token() {
  natsInbox* raw = nullptr;
  if (natsInbox_Create(&raw) != NATS_OK) throw std::runtime_error("cnats can't make an inbox");
  const owned<natsInbox> made(raw);
  const std::string inbox = raw;
  return inbox.substr(inbox.rfind('.') + 1);
}

namespace {

struct destroy_options {
  void operator()(natsOptions* it) const { natsOptions_Destroy(it); }
};
using owned_options = std::unique_ptr<natsOptions, destroy_options>;

// On cnats' own thread. It prints what nobody handles; we log when the connection is lost.
void hear_error(natsConnection*, natsSubscription*, natsStatus what, void* number) {
  const char* const said = nats_GetLastError(nullptr);
  if (what == NATS_NOT_PERMITTED && said != nullptr) refusal_post::tell(number, said);
}

std::unexpected<error> refused(std::string_view what, natsStatus status) {
  return fail(errc::unavailable, std::string(what) + ": " + natsStatus_GetText(status));
}

const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

result<> set_identity(natsOptions* to, const nats_options& from) {
  natsStatus status = NATS_OK;
  if (!from.credentials_file.empty()) {
    status = natsOptions_SetUserCredentialsFromFiles(to, from.credentials_file.c_str(), nullptr);
    if (status != NATS_OK) return refused("credentials_file", status);
  }
  if (!from.nkey_file.empty()) {
    auto user = nkey_user(from.nkey_file);
    if (!user) return std::unexpected(user.error());
    status = natsOptions_SetNKeyFromSeed(to, user->c_str(), from.nkey_file.c_str());
    if (status != NATS_OK) return refused("nkey_file", status);
  }
  if (wants_tls(from)) {
    status = natsOptions_SetSecure(to, true);
    if (status != NATS_OK) return refused("TLS", status);
  }
  if (!from.ca_file.empty()) {
    status = natsOptions_LoadCATrustedCertificates(to, from.ca_file.c_str());
    if (status != NATS_OK) return refused("ca_file " + from.ca_file, status);
  }
  if (!from.cert_file.empty()) {
    status = natsOptions_LoadCertificatesChain(to, from.cert_file.c_str(), or_null(from.key_file));
    if (status != NATS_OK) return refused("cert_file " + from.cert_file, status);
  }
  return {};
}

result<owned_options> options_of(const nats_options& from, const std::string& server,
                                 shared_state& shared) {
  natsOptions* raw = nullptr;
  if (auto s = natsOptions_Create(&raw); s != NATS_OK) return refused("cnats", s);
  owned_options made(raw);
  auto s = natsOptions_SetURL(raw, server.c_str());
  if (s == NATS_OK && !from.name.empty()) s = natsOptions_SetName(raw, from.name.c_str());
  if (s == NATS_OK) s = natsOptions_SetTimeout(raw, 2'000);
  // We dial again ourselves: cnats would do it on a thread, and keep what is published meanwhile.
  if (s == NATS_OK) s = natsOptions_SetAllowReconnect(raw, false);
  // Its pings come from a timer's thread; the loop has its own sign of life.
  if (s == NATS_OK) s = natsOptions_SetPingInterval(raw, 0);
  if (s == NATS_OK) s = natsOptions_SetSendAsap(raw, true);
  if (s == NATS_OK) s = natsOptions_SetErrorHandler(raw, hear_error, shared->refusals->number());
  if (s == NATS_OK) {
    s = natsOptions_SetEventLoop(raw, &shared, attach, read_hook, write_hook, detach);
  }
  if (s != NATS_OK) return refused("cnats does not take the options", s);
  if (auto good = set_identity(raw, from); !good) return std::unexpected(good.error());
  return made;
}

/// Of a connection that came to nothing, just now and on this thread.
std::string why_refused(natsStatus status, const std::string& server) {
  const char* const said = nats_GetLastError(nullptr);
  if (status != NATS_SSL_ERROR || said == nullptr) return natsStatus_GetText(status);
  return "TLS: " + tls_trouble(said, host_of(server));
}

result<std::unique_ptr<connection>> connect_to(const std::string& server, const nats_options& from,
                                               shared_state shared) {
  shared->refusals.emplace(shared->loop, [weak = std::weak_ptr(shared)](const std::string& said) {
    if (const auto self = weak.lock()) self->hear_refusal(said);
  });
  auto options = options_of(from, server, shared);
  if (!options) return std::unexpected(options.error());
  natsConnection* raw = nullptr;
  const natsStatus status = natsConnection_Connect(&raw, options->get());
  if (status != NATS_OK) {
    return fail(errc::unavailable, without_user(server) + ": " + why_refused(status, server));
  }
  shared->nc.reset(raw);
  shared->inboxes = from.inbox;
  return std::make_unique<connection>(std::move(shared));
}

}  // namespace

/// One server after the other, in any order, so that each is known for what is wrong with it.
result<std::unique_ptr<connection>> connect(const nats_options& from, asio::any_io_executor loop) {
  std::vector<std::string> servers = from.servers;
  std::ranges::shuffle(servers, std::mt19937{std::random_device{}()});
  std::string all;
  for (const std::string& each : servers) {
    auto made = connect_to(each, from, std::make_shared<connection::state>(loop));
    if (made) return made;
    const std::string& why = made.error().message;
    if (!all.contains(why)) all += (all.empty() ? "" : "; ") + why;  // a file's is the same for all
  }
  return fail(errc::unavailable, "can't connect to NATS: " + all);
}

}  // namespace peerage::nats
