// As much of Jenkins' declarative pipelines as the example asks for: runs a Jenkinsfile in this
// folder, step by step. Ends with 1 when a step has failed.
class Pipeline {
    def parameters = [:]
    def failed = false
    def post = []

    // What only structures or describes, with the blocks in it.
    def section(Closure body) {
        body.delegate = this
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

    def pipeline(Closure body) { section(body) }
    def agent(Closure body) { section(body) }
    def label(String name) {}
    def parameters(Closure body) { section(body) }
    def stages(Closure body) { section(body) }
    def always(Closure body) { post << body }
    def post(Closure body) { section(body) }

    def stage(String name, Closure body) {
        if (failed) {
            println "stage ${name}: skipped"
            return
        }
        println "stage ${name}"
        section(body)
        post.each { section(it) }
        post = []
    }

    def steps(Closure body) {
        try {
            section(body)
        } catch (IllegalStateException error) {
            println error.message
            failed = true
        }
    }

    def string(Map given) { parameters[given.name] = given.defaultValue }
    def choice(Map given) { parameters[given.name] = given.choices[0] }

    // Jenkins runs a step's script by `sh -xe`, with the parameters in its environment.
    def sh(String script) {
        def builder = new ProcessBuilder('sh', '-xe', '-c', script).redirectErrorStream(true)
        builder.environment().putAll(parameters)
        def process = builder.start()
        process.outputStream.close()
        print process.inputStream.text
        if (process.waitFor() != 0) {
            throw new IllegalStateException("script returned exit code ${process.exitValue()}")
        }
    }

    def junit(String file) {
        def suites = new XmlSlurper().parse(new File(file))
        def cases = suites.testsuite.testcase
        println "junit: ${cases.size()} tests, ${cases.findAll { it.failure.size() }.size()} failures"
    }

    def archiveArtifacts(Map given) {
        given.artifacts.split(', ').each {
            if (!new File(it).isFile()) throw new IllegalStateException("no artifact ${it}")
        }
    }
}

def pipeline = new Pipeline()
def script = new GroovyShell(new Binding(), new org.codehaus.groovy.control.CompilerConfiguration(
    scriptBaseClass: DelegatingScript.name)).parse(new File(args[0]))
script.setDelegate(pipeline)
script.run()
System.exit(pipeline.failed ? 1 : 0)
