"""Why instances are in their state, and which protections of the sandbox are active: sentences by code."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "instance.refused": _("The package cannot be served (%(place)s): %(message)s"),
        "instance.code_failed": _("The package's own code failed while it was loaded (%(place)s): %(message)s"),
        "instance.engine_failed": _("The engine could not load the model (%(place)s): %(message)s"),
        "instance.cannot_listen": _("The process could not listen on its socket: %(message)s"),
        "instance.load_slow": _(
            "The model was not loaded within %(seconds)s seconds. Give the service more time or a larger specification."
        ),
        "instance.misused": _(
            "The process did not accept what it was started with. Its log says why; tell the operator of this console."
        ),
        "instance.crashed": _("The process ended with code %(exit_code)s. Its log may say why."),
        "instance.killed": _("The process was ended by signal %(signal)s. Its log may say why."),
        "instance.ended": _("The process ended by itself although it should answer. Its log may say why."),
        "instance.out_of_memory": _(
            "The process used more memory than its specification allows (%(limit)s MiB) and was ended. Choose a larger "
            "specification."
        ),
        "instance.unhealthy": _(
            "The process does not answer its health check: predictions that never end, or code that holds the "
            "interpreter, do that."
        ),
        "instance.no_environment": _(
            "The environment of this version is not on this host. Import the version again, or have it prepared again."
        ),
        "instance.package_damaged": _("The stored file %(path)s is not what was imported. Import the version again."),
        "instance.store_unavailable": _(
            "The artifact store did not give the files of the package. It is tried again in a moment."
        ),
        "instance.cannot_begin": _(
            "This host could not start the process: %(reason)s. It is tried again in a moment; if it stays, tell the "
            "operator of this console."
        ),
        "instance.no_interpreter": _(
            "The Python of this version's environment is missing or damaged on this host. It is tried again in a "
            "moment; if it stays, have the version prepared again."
        ),
        "instance.no_sandbox": _(
            "Models are not started, because the sandbox does not protect this host: %(names)s. The operator finds the "
            "reasons in the supervisor's log."
        ),
        "instance.supervisor_stopped": _("The host was stopped. The process starts again with it."),
        "instance.supervisor_lost": _("The host was interrupted. The process starts again."),
        "instance.bug": _("Something went wrong on our side while this process was watched. It is started again."),
        "protection.files": _("Secrets, the database and files of other models cannot be read"),
        "protection.network": _("No network, neither of this host nor beyond"),
        "protection.processes": _("Processes of others are not visible"),
        "protection.read_only": _("Package, environment and system cannot be changed"),
        "protection.unprivileged": _("A user without any right, who cannot become another"),
        "protection.system_calls": _("Dangerous calls of the operating system are refused"),
        "protection.temporary": _("The temporary folder is limited"),
        "protection.process_count": _("The number of processes is limited"),
        "protection.memory": _("Memory is limited to that of the specification"),
        "protection.cpu": _("Computing time is limited to that of the specification"),
        "protection.broken": _("An attempt to break it from inside succeeded"),
        "protection.untested": _("The attempt to break it could not be made"),
        "protection.no_cgroup": _("The control groups of this host cannot be written by this user"),
        "protection.memory_watched": _(
            "The control groups of this host cannot be written by this user; a process that uses too much is ended "
            "within seconds"
        ),
        "protection.no_filter": _("There is no filter for this kind of processor"),
    }
)
