// Loki, started as its own cmd/loki does, with nothing but a config file: `loki -config.file=…`.
package main

import (
	"flag"
	"fmt"
	"os"

	// Before everything else: another package's init function wants it to be there.
	_ "google.golang.org/grpc/encoding/proto"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/loki/v3/pkg/loki"
	"github.com/grafana/loki/v3/pkg/runtime"
	"github.com/grafana/loki/v3/pkg/util/cfg"
	"github.com/grafana/loki/v3/pkg/util/log"
	"github.com/grafana/loki/v3/pkg/validation"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var config loki.ConfigWrapper
	if err := cfg.DynamicUnmarshal(&config, os.Args[1:], flag.CommandLine); err != nil {
		return err
	}
	config.LimitsConfig.SetGlobalOTLPConfig(config.Distributor.OTLPConfig)
	validation.SetDefaultLimitsForYAMLUnmarshalling(config.LimitsConfig)
	runtime.SetDefaultLimitsForYAMLUnmarshalling(config.OperationalConfig)
	config.Server.Log = log.InitLogger(&config.Server, prometheus.DefaultRegisterer, false)
	if err := config.Validate(); err != nil {
		return err
	}
	server, err := loki.New(config.Config)
	if err != nil {
		return err
	}
	return server.Run(loki.RunOpts{})
}
