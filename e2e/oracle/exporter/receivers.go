package exporter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

type layout = map[string]interface{}

// TLS is the `tls` block of the HTTP sinks.
type TLS struct {
	InsecureSkipVerify bool   `yaml:"insecureSkipVerify"`
	ServerName         string `yaml:"serverName"`
	CaFile             string `yaml:"caFile"`
	KeyFile            string `yaml:"keyFile"`
	CertFile           string `yaml:"certFile"`
}

// The sinks' settings, each with the keys and types of the original.
type (
	InMemory struct{}
	Webhook  struct {
		Endpoint string            `yaml:"endpoint"`
		TLS      TLS               `yaml:"tls"`
		Layout   layout            `yaml:"layout"`
		Headers  map[string]string `yaml:"headers"`
	}
	File struct {
		Path       string `yaml:"path"`
		Layout     layout `yaml:"layout"`
		MaxSize    int    `yaml:"maxsize"`
		MaxAge     int    `yaml:"maxage"`
		MaxBackups int    `yaml:"maxbackups"`
		DeDot      bool   `yaml:"deDot"`
	}
	Pipe struct {
		Path   string `yaml:"path"`
		Layout layout `yaml:"layout"`
		DeDot  bool   `yaml:"deDot"`
	}
	Stdout struct {
		DeDot  bool   `yaml:"deDot"`
		Layout layout `yaml:"layout"`
	}
	Syslog struct {
		Network string `yaml:"network"`
		Address string `yaml:"address"`
		Tag     string `yaml:"tag"`
	}
	Elasticsearch struct {
		Hosts       []string          `yaml:"hosts"`
		Username    string            `yaml:"username"`
		Password    string            `yaml:"password"`
		CloudID     string            `yaml:"cloudID"`
		APIKey      string            `yaml:"apiKey"`
		Headers     map[string]string `yaml:"headers"`
		UseEventID  bool              `yaml:"useEventID"`
		DeDot       bool              `yaml:"deDot"`
		Index       string            `yaml:"index"`
		IndexFormat string            `yaml:"indexFormat"`
		Type        string            `yaml:"type"`
		TLS         TLS               `yaml:"tls"`
		Layout      layout            `yaml:"layout"`
	}
	OpenSearch struct {
		Hosts       []string `yaml:"hosts"`
		Username    string   `yaml:"username"`
		Password    string   `yaml:"password"`
		UseEventID  bool     `yaml:"useEventID"`
		DeDot       bool     `yaml:"deDot"`
		Index       string   `yaml:"index"`
		IndexFormat string   `yaml:"indexFormat"`
		Type        string   `yaml:"type"`
		TLS         TLS      `yaml:"tls"`
		Layout      layout   `yaml:"layout"`
	}
	Kinesis struct {
		Layout     layout `yaml:"layout"`
		StreamName string `yaml:"streamName"`
		Region     string `yaml:"region"`
	}
	Firehose struct {
		Layout             layout `yaml:"layout"`
		DeliveryStreamName string `yaml:"deliveryStreamName"`
		Region             string `yaml:"region"`
		DeDot              bool   `yaml:"deDot"`
	}
	SQS struct {
		QueueName string `yaml:"queueName"`
		Region    string `yaml:"region"`
		Layout    layout `yaml:"layout"`
	}
	SNS struct {
		TopicARN string `yaml:"topicARN"`
		Region   string `yaml:"region"`
		Layout   layout `yaml:"layout"`
	}
	EventBridge struct {
		DetailType   string `yaml:"detailType"`
		Details      layout `yaml:"details"`
		Source       string `yaml:"source"`
		EventBusName string `yaml:"eventBusName"`
		Region       string `yaml:"region"`
	}
	OpsCenter struct {
		Title           string            `yaml:"title"`
		Category        string            `yaml:"category"`
		Description     string            `yaml:"description"`
		Notifications   []string          `yaml:"notifications"`
		OperationalData map[string]string `yaml:"operationalData"`
		Priority        string            `yaml:"priority"`
		Region          string            `yaml:"region"`
		RelatedOpsItems []string          `yaml:"relatedOpsItems"`
		Severity        string            `yaml:"severity"`
		Source          string            `yaml:"source"`
		Tags            map[string]string `yaml:"tags"`
	}
	Opsgenie struct {
		APIKey      string            `yaml:"apiKey"`
		URL         string            `yaml:"URL"`
		Priority    string            `yaml:"priority"`
		Message     string            `yaml:"message"`
		Alias       string            `yaml:"alias"`
		Description string            `yaml:"description"`
		Tags        []string          `yaml:"tags"`
		Details     map[string]string `yaml:"details"`
	}
	Loki struct {
		Layout       layout            `yaml:"layout"`
		StreamLabels map[string]string `yaml:"streamLabels"`
		TLS          TLS               `yaml:"tls"`
		URL          string            `yaml:"url"`
		Headers      map[string]string `yaml:"headers"`
	}
	Slack struct {
		Token      string            `yaml:"token"`
		Channel    string            `yaml:"channel"`
		Message    string            `yaml:"message"`
		Color      string            `yaml:"color"`
		Footer     string            `yaml:"footer"`
		Title      string            `yaml:"title"`
		AuthorName string            `yaml:"author_name"`
		Fields     map[string]string `yaml:"fields"`
	}
	Teams struct {
		Endpoint string            `yaml:"endpoint"`
		Layout   layout            `yaml:"layout"`
		Headers  map[string]string `yaml:"headers"`
	}
	Kafka struct {
		Topic            string   `yaml:"topic"`
		Brokers          []string `yaml:"brokers"`
		Layout           layout   `yaml:"layout"`
		ClientID         string   `yaml:"clientId"`
		CompressionCodec string   `yaml:"compressionCodec"`
		Version          string   `yaml:"version"`
		TLS              struct {
			Enable             bool   `yaml:"enable"`
			CaFile             string `yaml:"caFile"`
			CertFile           string `yaml:"certFile"`
			KeyFile            string `yaml:"keyFile"`
			InsecureSkipVerify bool   `yaml:"insecureSkipVerify"`
		} `yaml:"tls"`
		SASL struct {
			Enable    bool   `yaml:"enable"`
			Username  string `yaml:"username"`
			Password  string `yaml:"password"`
			Mechanism string `yaml:"mechanism"`
		} `yaml:"sasl"`
		Avro struct {
			SchemaID string `yaml:"schemaID"`
			Schema   string `yaml:"schema"`
		} `yaml:"avro"`
	}
	Pubsub struct {
		GcloudProjectID string `yaml:"gcloud_project_id"`
		Topic           string `yaml:"topic"`
		CreateTopic     bool   `yaml:"create_topic"`
	}
	BigQuery struct {
		Location        string `yaml:"location"`
		Project         string `yaml:"project"`
		Dataset         string `yaml:"dataset"`
		Table           string `yaml:"table"`
		CredentialsPath string `yaml:"credentials_path"`
		BatchSize       int    `yaml:"batch_size"`
		MaxRetries      int    `yaml:"max_retries"`
		IntervalSeconds int    `yaml:"interval_seconds"`
		TimeoutSeconds  int    `yaml:"timeout_seconds"`
	}
)

// Sink is what a receiver is built into: of several sinks the first in the original's order.
type Sink struct {
	Kind    string
	Layout  layout
	DeDot   bool
	Headers map[string]string
	// Texts are the templates of sinks that have no layout.
	Texts []string
	// Newline stands behind every document.
	Newline bool
}

// texts gathers templates: single ones, and the values of mappings in the order of their keys.
func texts(single []string, mappings ...map[string]string) []string {
	for _, mapping := range mappings {
		for _, key := range slices.Sorted(maps.Keys(mapping)) {
			single = append(single, mapping[key])
		}
	}
	return single
}

// Sink chooses the sink, and refuses what its constructor refuses without looking at a network.
func (r *Receiver) Sink() (Sink, error) {
	switch {
	case r.InMemory != nil:
		return Sink{Kind: "inMemory"}, nil
	case r.Pipe != nil:
		return Sink{Kind: "pipe", Layout: r.Pipe.Layout, DeDot: r.Pipe.DeDot, Newline: true}, nil
	case r.Webhook != nil:
		return Sink{Kind: "webhook", Layout: r.Webhook.Layout, Headers: r.Webhook.Headers}, r.Webhook.TLS.check()
	case r.File != nil:
		return Sink{Kind: "file", Layout: r.File.Layout, DeDot: r.File.DeDot, Newline: true}, nil
	case r.Syslog != nil:
		return Sink{Kind: "syslog"}, nil
	case r.Stdout != nil:
		return Sink{Kind: "stdout", Layout: r.Stdout.Layout, DeDot: r.Stdout.DeDot, Newline: true}, nil
	case r.Elasticsearch != nil:
		es := r.Elasticsearch
		if es.CloudID != "" && len(es.Hosts) > 0 {
			return Sink{}, errors.New("cannot create client: both Addresses and CloudID are set")
		}
		return Sink{Kind: "elasticsearch", Layout: es.Layout, DeDot: es.DeDot}, es.TLS.check()
	case r.Kinesis != nil:
		return Sink{Kind: "kinesis", Layout: r.Kinesis.Layout}, nil
	case r.Firehose != nil:
		return Sink{Kind: "firehose", Layout: r.Firehose.Layout, DeDot: r.Firehose.DeDot}, nil
	case r.OpenSearch != nil:
		return Sink{Kind: "opensearch", Layout: r.OpenSearch.Layout, DeDot: r.OpenSearch.DeDot}, r.OpenSearch.TLS.check()
	case r.Opsgenie != nil:
		if r.Opsgenie.APIKey == "" {
			return Sink{}, errors.New("API key cannot be blank")
		}
		o := r.Opsgenie
		single := append([]string{o.Message, o.Alias, o.Description}, o.Tags...)
		return Sink{Kind: "opsgenie", Texts: texts(single, o.Details)}, nil
	case r.SQS != nil:
		return Sink{Kind: "sqs", Layout: r.SQS.Layout}, nil
	case r.SNS != nil:
		return Sink{Kind: "sns", Layout: r.SNS.Layout}, nil
	case r.Slack != nil:
		s := r.Slack
		single := []string{s.Channel, s.Message, s.Color, s.Title, s.AuthorName, s.Footer}
		return Sink{Kind: "slack", Texts: texts(single, s.Fields)}, nil
	case r.Kafka != nil:
		return Sink{Kind: "kafka", Layout: r.Kafka.Layout}, nil
	case r.Pubsub != nil:
		return Sink{Kind: "pubsub"}, nil
	case r.OpsCenter != nil:
		o := r.OpsCenter
		single := append([]string{o.Title, o.Description, o.Source, o.Priority}, o.Notifications...)
		return Sink{Kind: "opscenter", Texts: texts(single, o.OperationalData, o.Tags)}, nil
	case r.Teams != nil:
		return Sink{Kind: "teams", Layout: r.Teams.Layout}, nil
	case r.BigQuery != nil:
		for _, needed := range []string{r.BigQuery.Project, r.BigQuery.Dataset, r.BigQuery.Table} {
			if needed == "" {
				return Sink{}, errors.New("bigquery: project, dataset and table are needed")
			}
		}
		return Sink{Kind: "bigquery"}, nil
	case r.EventBridge != nil:
		return Sink{Kind: "eventbridge", Layout: r.EventBridge.Details}, nil
	case r.Loki != nil:
		return Sink{Kind: "loki", Layout: r.Loki.Layout, Headers: r.Loki.Headers}, r.Loki.TLS.check()
	}
	return Sink{}, errors.New("unknown sink")
}

func (t TLS) check() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return fmt.Errorf("configured certFile or keyFile without the other")
	}
	return nil
}
