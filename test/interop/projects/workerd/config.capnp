# Runs worker.js with three compatibility dates, each on a port of its own.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    # The tests' server listens on this machine.
    (name = "internet", network = (allow = ["private"])),
    (name = "2024-09-01", worker = (modules = .modules, compatibilityDate = "2024-09-01")),
    (name = "2025-01-01", worker = (modules = .modules, compatibilityDate = "2025-01-01")),
    (name = "2026-11-17", worker = (modules = .modules, compatibilityDate = "2026-11-17")),
  ],
  sockets = [
    (name = "2024-09-01", service = "2024-09-01", address = "127.0.0.1:0", http = ()),
    (name = "2025-01-01", service = "2025-01-01", address = "127.0.0.1:0", http = ()),
    (name = "2026-11-17", service = "2026-11-17", address = "127.0.0.1:0", http = ()),
  ],
);

const modules :List(Workerd.Worker.Module) = [
  (name = "worker", esModule = embed "worker.js"),
  # The test builds this file.
  (name = "program", esModule = embed "node_modules/.cache/program.js"),
];
