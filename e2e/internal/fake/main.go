package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

func main() {
	args := map[string]string{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		args[os.Args[i]] = os.Args[i+1]
	}
	text, _ := os.ReadFile(args["--config"])
	var c struct {
		Receivers []struct {
			File    struct{ Path string }
			Webhook struct{ Endpoint string }
		}
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	rc, err := clientcmd.BuildConfigFromFlags("", args["--kubeconfig"])
	if err != nil {
		panic(err)
	}
	if os.Getenv("TIDINGS_API_ENCODING") != "json" {
		rc.ContentType = "application/vnd.kubernetes.protobuf"
	}
	client, _ := kubernetes.NewForConfig(rc)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	state := args["--state"] + "/rv"
	rv, _ := os.ReadFile(state)
	if len(rv) == 0 {
		l, err := client.CoreV1().Events("").List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil {
			panic(err)
		}
		rv = []byte(l.ResourceVersion)
	}
	out, _ := os.OpenFile(c.Receivers[0].File.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	fmt.Fprintln(os.Stderr, "watching")
	last := string(rv)
	for ctx.Err() == nil {
		w, err := client.CoreV1().Events("").Watch(ctx, metav1.ListOptions{ResourceVersion: last})
		if err != nil {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		for m := range w.ResultChan() {
			e, ok := m.Object.(*corev1.Event)
			if !ok {
				fmt.Fprintln(os.Stderr, m)
				break
			}
			last = e.ResourceVersion
			if m.Type != "DELETED" {
				e.ManagedFields = nil
				line, _ := json.Marshal(e)
				out.Write(append(line, '\n'))
				if r, err := http.Post(c.Receivers[1].Webhook.Endpoint, "application/json", bytes.NewReader(line)); err == nil {
					r.Body.Close()
				}
			}
			os.WriteFile(state, []byte(last), 0o644)
		}
	}
}
