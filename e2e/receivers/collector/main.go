// An OpenTelemetry collector that takes OTLP and writes each request of logs to a file, as a line of JSON:
// `collector --config FILE`.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector", Description: "OTLP to files", Version: "1"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				DefaultScheme:     "file",
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			},
		},
	})
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func factories() (factories otelcol.Factories, err error) {
	if factories.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return factories, err
	}
	file := exporter.NewFactory(component.MustNewType("file"), func() component.Config { return &config{} },
		exporter.WithLogs(open, component.StabilityLevelDevelopment))
	factories.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](file)
	return factories, err
}

type config struct {
	Path string `mapstructure:"path"`
}

// file is the way out. It has written before the way in answers.
type file struct {
	component.StartFunc
	mutex sync.Mutex
	out   *os.File
}

func open(_ context.Context, _ exporter.Settings, settings component.Config) (exporter.Logs, error) {
	out, err := os.OpenFile(settings.(*config).Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &file{out: out}, err
}

func (f *file) Shutdown(context.Context) error { return f.out.Close() }

func (f *file) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (f *file) ConsumeLogs(_ context.Context, logs plog.Logs) error {
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(logs)
	if err != nil {
		return err
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_, err = f.out.Write(append(text, '\n'))
	return err
}
