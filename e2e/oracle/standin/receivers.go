package main

import (
	"encoding/json"
	"errors"

	"github.com/rs/zerolog/log"
	"gopkg.in/natefinch/lumberjack.v2"

	"tidings/e2e/oracle/exporter"
	"tidings/e2e/oracle/kube"
)

// receivers has an unbuffered channel for each; what waits for it are goroutines.
type receivers map[string]chan kube.EnhancedEvent

func start(configured []exporter.Receiver) (receivers, error) {
	receivers := receivers{}
	for i := range configured {
		receiver := &configured[i]
		if receiver.File == nil {
			return nil, errors.New("the stand-in has no receiver but `file`")
		}
		channel := make(chan kube.EnhancedEvent)
		receivers[receiver.Name] = channel
		go work(receiver.Name, newFile(receiver.File), channel)
	}
	return receivers, nil
}

func (r receivers) send(name string, event *kube.EnhancedEvent) {
	channel := r[name]
	if channel == nil {
		log.Error().Str("name", name).Msg("There is no channel")
	}
	go func() { channel <- *event }()
}

// work writes one event after the other.
func work(name string, file *file, channel <-chan kube.EnhancedEvent) {
	for event := range channel {
		if err := file.send(&event); err != nil {
			log.Debug().Err(err).Str("sink", name).Str("event", event.Message).Msg("Cannot send event")
		}
	}
}

// file writes a line of JSON for each event.
type file struct {
	layout  map[string]interface{}
	deDot   bool
	encoder *json.Encoder
}

func newFile(config *exporter.File) *file {
	rotated := &lumberjack.Logger{
		Filename:   config.Path,
		MaxSize:    config.MaxSize,
		MaxAge:     config.MaxAge,
		MaxBackups: config.MaxBackups,
	}
	return &file{config.Layout, config.DeDot, json.NewEncoder(rotated)}
}

func (f *file) send(event *kube.EnhancedEvent) error {
	if f.deDot {
		plain := event.DeDot()
		event = &plain
	}
	if f.layout == nil {
		return f.encoder.Encode(event)
	}
	document, err := exporter.Shaped(f.layout, event)
	if err != nil {
		return err
	}
	return f.encoder.Encode(document)
}
