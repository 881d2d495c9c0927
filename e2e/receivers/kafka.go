package receivers

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Kafka is one broker of Apache Kafka that is its own controller (KRaft). Clients must say who they are, by SASL/PLAIN, and
// are told the address of a proxy: a Kafka client connects to where the broker says that it is, not to where it was sent.
type Kafka struct {
	*Server
	Topic string

	libraries        string
	inside, deciding int // ports for the tools, and for the controller
	proxied          int
}

// KafkaUser and KafkaPassword are whom the broker knows.
const (
	KafkaUser     = "ann"
	KafkaPassword = "correct-horse-battery"
)

// NewKafka prepares a broker with a topic of one partition.
func NewKafka(t *testing.T) *Kafka {
	t.Helper()
	return &Kafka{
		Server: NewServer(t), Topic: "events", libraries: Maven(t, "kafka"),
		inside: FreePort(t), deciding: FreePort(t), proxied: FreePort(t),
	}
}

// ProxyAddress is where clients are told to go.
func (k *Kafka) ProxyAddress() string { return fmt.Sprintf("127.0.0.1:%d", k.proxied) }

// Start starts the broker; the first time it makes the topic.
func (k *Kafka) Start(t *testing.T) {
	t.Helper()
	path := filepath.Join(k.Dir, "server.properties")
	_, err := os.Stat(path)
	first := os.IsNotExist(err)
	if first {
		must(t, os.WriteFile(path, fmt.Appendf(nil, `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
inter.broker.listener.name=INSIDE
listeners=CLIENTS://127.0.0.1:%[2]d,INSIDE://127.0.0.1:%[3]d,CONTROLLER://127.0.0.1:%[1]d
advertised.listeners=CLIENTS://127.0.0.1:%[4]d,INSIDE://127.0.0.1:%[3]d
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.clients.sasl.enabled.mechanisms=PLAIN
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%[5]s="%[6]s";
log.dirs=%[7]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
`, k.deciding, k.Port, k.inside, k.proxied, KafkaUser, KafkaPassword, filepath.Join(k.Dir, "data")), 0o644))
		k.Tool(t, "kafka.tools.StorageTool", "format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA", "--config", path)
	}
	k.Launch(t, nil, "java", "-Xmx512m", "-cp", filepath.Join(k.libraries, "*"), "kafka.Kafka", path)
	if first {
		k.Tool(t, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", k.bootstrap(), "--create", "--topic", k.Topic, "--partitions", "1")
	}
	WaitFor(t, time.Minute, "the broker has its topic", func() bool {
		_, err := k.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", k.bootstrap(), "--describe", "--topic", k.Topic)
		return err == nil
	})
}

// Received asks the broker for every record of the topic.
func (k *Kafka) Received(t *testing.T) []Record {
	t.Helper()
	said := k.Tool(t, "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", k.bootstrap(), "--topic", k.Topic,
		"--from-beginning", "--timeout-ms", "3000")
	return Documents(t, said)
}

// Tool runs one of Kafka's own tools and returns what it prints.
func (k *Kafka) Tool(t *testing.T, class string, args ...string) string {
	t.Helper()
	said, err := k.tool(class, args...)
	must(t, err)
	return said
}

func (k *Kafka) tool(class string, args ...string) (string, error) {
	return output("java", append([]string{"-Xmx256m", "-cp", filepath.Join(k.libraries, "*"), class}, args...)...)
}

func (k *Kafka) bootstrap() string { return fmt.Sprintf("127.0.0.1:%d", k.inside) }
