// The stand-in is what can be had of kubernetes-event-exporter for a measurement: the libraries that it
// is made of (client-go's informer, discovery and dynamic client, text/template with sprig, zerolog,
// hashicorp's ARC cache, lumberjack), put together after a description of its behaviour. It is NOT the
// original, which module proxies do not serve everywhere.
//
// It does what the description says that the original does with an Event, at the same moments and as
// often: one goroutine handles all; patterns are compiled at every comparison and templates parsed for
// every event; each object that is not in the cache costs a whole discovery and a GET; each event has a
// goroutine for each receiver that it reaches, and each receiver one that writes.
//
// It leaves out what takes the original more time: the metrics and their server, leader election, a deep
// copy of the event if it makes one, and every receiver but `file`. So where the two differ, the
// stand-in does less: it should be no slower than the original.
package main

import (
	"flag"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"tidings/e2e/oracle/exporter"
	"tidings/e2e/oracle/kube"
)

func main() {
	conf := flag.String("conf", "config.yaml", "the config file")
	kubeconfig := flag.String("kubeconfig", "", "the cluster")
	flag.Parse()
	exporter.Remember = false
	if err := run(*conf, *kubeconfig); err != nil {
		log.Fatal().Err(err).Msg("the stand-in ends")
	}
}

func run(conf, kubeconfig string) error {
	text, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	config, _, err := exporter.Load(string(text), environment())
	if err != nil {
		return err
	}
	if err := startLog(config); err != nil {
		return err
	}

	cluster, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	cluster.QPS, cluster.Burst = config.KubeQPS, config.KubeBurst
	clients, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return err
	}
	objects, err := dynamic.NewForConfig(cluster)
	if err != nil {
		return err
	}

	receivers, err := start(config.Receivers)
	if err != nil {
		return err
	}
	found, err := newLookups(clients, objects, config.CacheSize)
	if err != nil {
		return err
	}
	watcher := watcher{
		clients:     clients,
		found:       found,
		namespace:   config.Namespace,
		clusterName: config.ClusterName,
		omitLookup:  config.OmitLookup,
		maxAge:      time.Duration(config.MaxEventAgeSeconds) * time.Second,
		begun:       time.Now(),
		handle: func(event *kube.EnhancedEvent) {
			config.Route.Decide(event, func(name string) { receivers.send(name, event) })
		},
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		close(stop)
	}()
	return watcher.run(stop)
}

// startLog sets the log's level and form as the original does. Load has refused what is neither.
func startLog(config *exporter.Config) error {
	level, caller := zerolog.InfoLevel, true
	if config.LogLevel != "" {
		var err error
		if level, err = zerolog.ParseLevel(config.LogLevel); err != nil {
			return err
		}
		caller = false
	}
	zerolog.SetGlobalLevel(level)
	log.Logger = zerolog.New(os.Stderr).With().Timestamp().Logger()
	if config.LogFormat != "json" {
		log.Logger = log.Output(zerolog.ConsoleWriter{Out: os.Stdout, TimeFormat: time.RFC3339})
	}
	if caller {
		log.Logger = log.With().Caller().Logger()
	}
	return nil
}

func environment() map[string]string {
	environment := map[string]string{}
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			environment[name] = value
		}
	}
	return environment
}
