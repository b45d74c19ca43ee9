package console

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/mortondb/morton/internal/replset"
)

// Member is what the console shows.
type Member interface {
	View() *replset.View
}

// Options of a console.
type Options struct {
	Member       Member
	Version      string // Morton's
	MongoVersion string // the release of MongoDB that clients are told
	Port         int    // of clients
	DBPath       string
	// Log returns the newest log lines, oldest first, each a JSON object; "global" is all of them. Nil: none are shown.
	Log func(name string) (lines []string, total int)
	Now func() time.Time // nil: time.Now
}

// console is the handler.
type console struct {
	Options
	mux *http.ServeMux
}

// New returns the handler of all pages.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = func(string) ([]string, int) { return nil, 0 }
	}
	c := &console{Options: o, mux: http.NewServeMux()}
	c.mux.HandleFunc("GET /{$}", c.overview)
	c.mux.HandleFunc("GET /_replSet", c.replSet)
	c.mux.HandleFunc("GET /healthz", c.healthz)
	c.mux.HandleFunc("GET /readyz", c.readyz)
	c.mux.HandleFunc("GET /primaryz", c.primaryz)
	c.mux.HandleFunc("GET /debug/pprof/", pprof.Index) // for go tool pprof
	c.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	return c
}

// ServeHTTP answers one request.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	c.mux.ServeHTTP(w, r)
}

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").ParseFS(files, "pages/*.html"))

func (c *console) show(w http.ResponseWriter, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := pages.ExecuteTemplate(w, page, data); err != nil {
		fmt.Fprintf(w, "<p>The page ended early: %s</p>", template.HTMLEscapeString(err.Error()))
	}
}
