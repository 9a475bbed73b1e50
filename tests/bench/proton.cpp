// One side of a measured run, on Qpid Proton C++: it takes the same key=value arguments as the Node programs beside it, and
// prints the same lines of JSON: the port that it listens on, then what it measured.
// Build: g++ -O2 -std=c++11 proton.cpp -o proton -lqpid-proton-cpp

#include <proton/connection.hpp>
#include <proton/connection_options.hpp>
#include <proton/container.hpp>
#include <proton/delivery.hpp>
#include <proton/error_condition.hpp>
#include <proton/listen_handler.hpp>
#include <proton/listener.hpp>
#include <proton/message.hpp>
#include <proton/message_id.hpp>
#include <proton/messaging_handler.hpp>
#include <proton/receiver.hpp>
#include <proton/receiver_options.hpp>
#include <proton/sender.hpp>
#include <proton/sender_options.hpp>
#include <proton/target.hpp>
#include <proton/tracker.hpp>
#include <proton/transport.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace {

double now_ms() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

double seconds_of(const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; }

// User and system time of this process, in microseconds.
double cpu_us() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)) * 1e6;
}

long peak_rss_kb() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

std::map<std::string, std::string> options;

const std::string& option(const std::string& name) {
    const auto found = options.find(name);
    if (found == options.end()) {
        std::fprintf(stderr, "option %s is missing\n", name.c_str());
        std::exit(2);
    }
    return found->second;
}

double number(const std::string& name) { return std::atof(option(name).c_str()); }

// The measured window of one side: begins `warmUp` ms after the first message and lasts `measure` ms. The rules are those of meter.ts.
class Meter {
  public:
    Meter() : warm_up_(number("warmUp")), measure_(number("measure")), tail_(number("tail")), mask_(std::uint64_t(number("stride")) - 1) {}

    void begin() {
        if (started_) return;
        started_ = true;
        start_ = now_ms();
    }

    // `count` messages are through.
    void tick(std::uint64_t count) {
        if ((count & mask_) != 0) return;
        const double now = now_ms();
        if (phase_ == 0 && now >= start_ + warm_up_) {
            phase_ = 1;
            at_ = now;
            cpu_ = cpu_us();
            count_ = count;
        } else if (phase_ == 1 && now >= start_ + warm_up_ + measure_) {
            end(now, count);
        }
        if (now >= start_ + warm_up_ + measure_ + tail_) over = true;
    }

    bool measuring() const { return phase_ == 1; }

    void print(std::uint64_t total, std::uint64_t bytes, std::vector<double>& latencies) {
        if (phase_ == 1) end(now_ms(), total);
        std::printf("{\"result\":{\"messages\":%llu,\"seconds\":%.6f,\"cpu\":%.0f,\"total\":%llu,\"bytes\":%llu,\"rss\":%ld", (unsigned long long)messages_,
                    seconds_, used_, (unsigned long long)total, (unsigned long long)bytes, peak_rss_kb());
        if (!latencies.empty()) {
            std::sort(latencies.begin(), latencies.end());
            std::printf(",\"p50\":%.3f,\"p99\":%.3f", latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100]);
        }
        std::printf("}}\n");
        std::fflush(stdout);
    }

    bool over = false;

  private:
    void end(double now, std::uint64_t count) {
        phase_ = 2;
        messages_ = count - count_;
        seconds_ = (now - at_) / 1000;
        used_ = cpu_us() - cpu_;
    }

    const double warm_up_, measure_, tail_;
    const std::uint64_t mask_;
    bool started_ = false;
    int phase_ = 0;
    double start_ = 0, at_ = 0, cpu_ = 0, seconds_ = 0, used_ = 0;
    std::uint64_t count_ = 0, messages_ = 0;
};

class Failing : public proton::messaging_handler {
  public:
    void on_error(const proton::error_condition& condition) override {
        std::fprintf(stderr, "%s\n", condition.what().c_str());
        std::exit(1);
    }
};

class Sender : public Failing {
  public:
    Sender() : text_(size_t(number("size")), 'x'), binary_(text_), bytes_(option("body") == "bytes"), reuse_(option("reuse") == "1"), mode_(option("mode")) {}

    void on_container_start(proton::container& container) override {
        container.connect("amqp://127.0.0.1:" + option("port"), proton::connection_options().handler(*this));
    }

    void on_connection_open(proton::connection& connection) override {
        proton::sender_options o;
        o.delivery_mode(mode_ == "settled" ? proton::delivery_mode::AT_MOST_ONCE : proton::delivery_mode::AT_LEAST_ONCE);
        connection.open_sender("bench", o);
    }

    void on_sendable(proton::sender& sender) override {
        meter_.begin();
        if (mode_ == "latency") {
            if (sent_ == 0) send(sender);
            return;
        }
        while (sender.credit() > 0 && !meter_.over) {
            send(sender);
            if (mode_ == "settled") meter_.tick(sent_);
        }
        if (meter_.over && mode_ == "settled") sender.connection().close();
    }

    void on_tracker_accept(proton::tracker& tracker) override {
        settled_++;
        if (mode_ == "latency") {
            if (meter_.measuring()) latencies_.push_back((now_ms() - sent_at_) * 1000);
            meter_.tick(settled_);
            if (!meter_.over) {
                proton::sender sender = tracker.sender();
                send(sender);
                return;
            }
        } else {
            meter_.tick(settled_);
        }
        if (meter_.over && settled_ == sent_) tracker.connection().close();
    }

    void on_transport_close(proton::transport&) override { meter_.print(sent_, sent_ * text_.size(), latencies_); }

  private:
    void send(proton::sender& sender) {
        if (reuse_) {
            send(sender, reused_);
        } else {
            proton::message message;
            send(sender, message);
        }
    }

    void send(proton::sender& sender, proton::message& message) {
        message.id(proton::message_id(std::uint64_t(sent_)));
        if (bytes_) {
            message.inferred(true);
            message.body(binary_);
        } else {
            message.body(text_);
        }
        if (mode_ == "latency") sent_at_ = now_ms();
        sender.send(message);
        sent_++;
    }

    Meter meter_;
    const std::string text_;
    const proton::binary binary_;
    const bool bytes_;
    // One message object for all sends; what Proton's examples do is to make one for each.
    const bool reuse_;
    proton::message reused_;
    const std::string mode_;
    std::uint64_t sent_ = 0, settled_ = 0;
    double sent_at_ = 0;
    std::vector<double> latencies_;
};

class Receiver : public Failing {
  public:
    Receiver() : read_(option("read") == "1"), bytes_(option("body") == "bytes") {}

    void on_container_start(proton::container& container) override {
        listener_ = container.listen("//127.0.0.1:0", listening_);
        container.server_connection_options(proton::connection_options().handler(*this));
    }

    void on_receiver_open(proton::receiver& receiver) override {
        if (receiver.uninitialized()) receiver.open(proton::receiver_options().credit_window(int(number("credit"))));
    }

    void on_message(proton::delivery&, proton::message& message) override {
        meter_.begin();
        count_++;
        if (read_) {
            if (bytes_) octets_ += proton::get<proton::binary>(message.body()).size();
            else octets_ += proton::get<std::string>(message.body()).size();
        }
        meter_.tick(count_);
    }

    void on_transport_close(proton::transport&) override {
        listener_.stop();
        meter_.print(count_, octets_, none_);
    }

  private:
    class Listening : public proton::listen_handler {
        void on_open(proton::listener& listener) override {
            std::printf("{\"port\":%d}\n", listener.port());
            std::fflush(stdout);
        }
    };

    Meter meter_;
    const bool read_, bytes_;
    Listening listening_;
    proton::listener listener_;
    std::uint64_t count_ = 0, octets_ = 0;
    std::vector<double> none_;
};

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        const std::string argument(argv[i]);
        const size_t equals = argument.find('=');
        if (equals != std::string::npos) options[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
    try {
        if (option("role") == "sender") {
            Sender handler;
            proton::container(handler).run();
        } else {
            Receiver handler;
            proton::container(handler).run();
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
