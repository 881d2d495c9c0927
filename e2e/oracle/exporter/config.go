// Package exporter is what kubernetes-event-exporter does with its config file and with an event:
// the file's shape, the start's checks, the tree of rules, the layouts.
package exporter

// Config is the file.
type Config struct {
	LogLevel           string         `yaml:"logLevel"`
	LogFormat          string         `yaml:"logFormat"`
	ThrottlePeriod     int64          `yaml:"throttlePeriod"`
	MaxEventAgeSeconds int64          `yaml:"maxEventAgeSeconds"`
	ClusterName        string         `yaml:"clusterName,omitempty"`
	Namespace          string         `yaml:"namespace"`
	LeaderElection     LeaderElection `yaml:"leaderElection"`
	Route              Route          `yaml:"route"`
	Receivers          []Receiver     `yaml:"receivers"`
	KubeQPS            float32        `yaml:"kubeQPS,omitempty"`
	KubeBurst          int            `yaml:"kubeBurst,omitempty"`
	MetricsNamePrefix  string         `yaml:"metricsNamePrefix,omitempty"`
	OmitLookup         bool           `yaml:"omitLookup,omitempty"`
	CacheSize          int            `yaml:"cacheSize,omitempty"`
}

// LeaderElection is the block of this name.
type LeaderElection struct {
	Enabled          bool   `yaml:"enabled"`
	LeaderElectionID string `yaml:"leaderElectionID"`
}

// Route is a node of the tree. Fields without a tag have their name in lower case.
type Route struct {
	Drop   []Rule
	Match  []Rule
	Routes []Route
}

// Rule is a rule; texts are regular expressions.
type Rule struct {
	Labels      map[string]string
	Annotations map[string]string
	Message     string
	APIVersion  string `yaml:"apiVersion"`
	Kind        string
	Namespace   string
	Reason      string
	Type        string
	MinCount    int32 `yaml:"minCount"`
	Component   string
	Host        string
	Receiver    string
}

// Receiver is a name and one sink.
type Receiver struct {
	Name          string         `yaml:"name"`
	InMemory      *InMemory      `yaml:"inMemory"`
	Webhook       *Webhook       `yaml:"webhook"`
	File          *File          `yaml:"file"`
	Syslog        *Syslog        `yaml:"syslog"`
	Stdout        *Stdout        `yaml:"stdout"`
	Elasticsearch *Elasticsearch `yaml:"elasticsearch"`
	Kinesis       *Kinesis       `yaml:"kinesis"`
	Firehose      *Firehose      `yaml:"firehose"`
	OpenSearch    *OpenSearch    `yaml:"opensearch"`
	Opsgenie      *Opsgenie      `yaml:"opsgenie"`
	Loki          *Loki          `yaml:"loki"`
	SQS           *SQS           `yaml:"sqs"`
	SNS           *SNS           `yaml:"sns"`
	Slack         *Slack         `yaml:"slack"`
	Kafka         *Kafka         `yaml:"kafka"`
	Pubsub        *Pubsub        `yaml:"pubsub"`
	OpsCenter     *OpsCenter     `yaml:"opscenter"`
	Teams         *Teams         `yaml:"teams"`
	BigQuery      *BigQuery      `yaml:"bigquery"`
	EventBridge   *EventBridge   `yaml:"eventbridge"`
	Pipe          *Pipe          `yaml:"pipe"`
}
