package receivers

import (
	"strings"
	"testing"
)

// The servers that tests of receivers build on, by themselves.

func TestTheServerForAWSKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	aws := NewAWS(t)
	aws.Start(t)
	said := aws.Ask(t, `
sqs = boto3.client("sqs")
url = sqs.create_queue(QueueName="events")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="one")
print(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
`)
	if strings.TrimSpace(said) != "one" {
		t.Errorf("it has %q", said)
	}
}

func TestKafkaFromMavenStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	kafka := NewKafka(t)
	kafka.Start(t)
	kafka.Stop(t)
	kafka.Start(t)
	if records := kafka.Received(t); len(records) != 0 {
		t.Errorf("a new topic has %d records", len(records))
	}
}
